"""A sale on paper: what stands on it, and how it is written for a browser, a PDF, a receipt printer or a terminal."""

from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpResponse

from apps.core.pages import page
from apps.sales.receipts.content import Kind, Row, Shop, receipt_rows
from apps.sales.receipts.escpos import as_escpos
from apps.sales.receipts.pdf import as_pdf
from apps.sales.receipts.pictures import qr_path
from apps.sales.receipts.text import as_text

__all__ = ["Shop", "answer", "receipt_rows", "the_shop"]

# What a file of this output is, how its name ends, and who writes it from the rows and the width in millimetres.
FILES: dict[str, tuple[str, str, Callable[[Sequence[Row], int], bytes]]] = {
    "pdf": ("application/pdf", "pdf", as_pdf),
    "escpos": ("application/octet-stream", "bin", as_escpos),
    "text": ("text/plain; charset=utf-8", "txt", lambda rows, width: as_text(rows, width).encode()),
}


def the_shop() -> Shop:
    """As the settings have it."""
    return Shop(
        settings.SHOP_NAME,
        settings.SHOP_ADDRESS,
        settings.SHOP_TAX_PIN,
        settings.RECEIPT_FOOTER,
        settings.CURRENCY,
    )


def answer(rows: Sequence[Row], output: str, width: int, *, name: str) -> HttpResponse:
    """The receipt as `html`, `pdf`, `escpos` or `text`, for paper of `width` millimetres."""
    if output == "html":
        return page("sales/receipt.html", {"rows": list(map(_shown, rows)), "width": width, "name": name})
    kind, ending, write = FILES[output]
    headers = {"Content-Disposition": f'inline; filename="{name}.{ending}"'}
    return HttpResponse(write(rows, width), content_type=kind, headers=headers)


def _shown(row: Row) -> dict[str, object]:
    shown: dict[str, object] = {"kind": row.kind, "text": row.text, "right": row.right}
    if row.kind is Kind.CODE:
        shown["across"], shown["path"] = qr_path(row.text)
    return shown
