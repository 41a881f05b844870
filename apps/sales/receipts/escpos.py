"""Bytes that a receipt printer understands (ESC/POS)."""

from collections.abc import Sequence

from escpos.printer import Dummy

from apps.sales.receipts.content import Kind, Row
from apps.sales.receipts.pictures import DOTS, qr_picture, text_picture
from apps.sales.receipts.text import COLUMNS, written

# The code page with the letters of Western Europe that practically every printer has.
PAGE = "CP858"


def as_escpos(rows: Sequence[Row], width: int) -> bytes:
    """The receipt for paper of `width` millimetres, cut at the end.

    Lines whose characters the code page lacks are printed as pictures, so that every name comes out.
    """
    printer = Dummy(magic_encode_args={"encoding": PAGE})
    printer.profile.profile_data["media"]["width"] = {"pixels": DOTS[width], "mm": width}
    printer.hw("INIT")
    for row in rows:
        if row.kind is Kind.CODE:
            printer.image(qr_picture(row.text, width), impl="bitImageRaster")
        else:
            _print(printer, row, width)
    printer.ln(2)
    printer.cut()
    output: bytes = printer.output
    return output


def _print(printer: Dummy, row: Row, width: int) -> None:
    lines = list(written(row, COLUMNS[width]))
    if not _known("".join(lines)):
        printer.image(text_picture(lines, width, COLUMNS[width]), impl="bitImageRaster")
        return
    bold = row.kind in {Kind.TITLE, Kind.TOTAL}
    printer.set(bold=bold, double_height=bold, normal_textsize=not bold)
    for line in lines:
        printer.textln(line)


def _known(text: str) -> bool:
    try:
        text.encode(PAGE)
    except UnicodeEncodeError:
        return False
    return True
