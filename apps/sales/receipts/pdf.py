"""Receipts as PDF, on one page of the paper's width that is as long as it has to be."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO

from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from apps.sales.receipts.content import Kind, Row
from apps.sales.receipts.pictures import FONT, QUIET, qr_modules
from apps.sales.receipts.text import COLUMNS, written

NAME = "receipt"
MARGIN = 4 * mm
ADVANCE = 0.602  # of the type, in units of its size
MODULE = 0.75 * mm
LEADING = 1.35


def as_pdf(rows: Sequence[Row], width: int) -> bytes:
    """The receipt for paper of `width` millimetres."""
    _register()
    across, columns = width * mm, COLUMNS[width]
    size = (across - 2 * MARGIN) / columns / ADVANCE
    leading = size * LEADING
    parts = [(row, list(written(row, columns))) for row in rows]
    heights = [_height(row, lines, leading) for row, lines in parts]
    file = BytesIO()
    canvas = Canvas(file, pagesize=(across, sum(heights) + 2 * MARGIN), invariant=True)
    canvas.setTitle("Receipt")
    at = sum(heights) + MARGIN
    for (row, lines), height in zip(parts, heights, strict=True):
        if row.kind is Kind.CODE:
            _draw_code(canvas, row.text, across, at)
        canvas.saveState()
        canvas.setLineWidth(size / 25)
        for number, line in enumerate(lines):
            text = canvas.beginText(MARGIN, at - number * leading - size)
            text.setFont(NAME, size)
            if row.kind in {Kind.TITLE, Kind.TOTAL}:
                text.setTextRenderMode(2)  # there is no bold type, so the outline is drawn, too
            text.textOut(line)
            canvas.drawText(text)
        canvas.restoreState()
        at -= height
    canvas.save()
    return file.getvalue()


def _height(row: Row, lines: Sequence[str], leading: float) -> float:
    if row.kind is Kind.CODE:
        return (len(qr_modules(row.text)) + 2 * QUIET) * MODULE
    return len(lines) * leading


def _draw_code(canvas: Canvas, text: str, across: float, top: float) -> None:
    modules = qr_modules(text)
    left = (across - len(modules) * MODULE) / 2
    for y, row in enumerate(modules):
        for x, black in enumerate(row):
            if black:
                place = left + x * MODULE, top - (QUIET + y + 1) * MODULE
                canvas.rect(*place, MODULE, MODULE, stroke=0, fill=1)


@cache
def _register() -> None:
    pdfmetrics.registerFont(TTFont(NAME, FONT))
