"""QR codes and lines of text as black dots, for printers that do not know a character and for PDF."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import segno
from PIL import Image, ImageDraw, ImageFont

# Comes with python-barcode; knows the scripts of Latin, Greek and Cyrillic letters, and Arabic ones.
FONT = str(files("barcode") / "fonts" / "DejaVuSansMono.ttf")
# Dots across the paper, of a printer with 8 dots a millimetre, by its width.
DOTS = {58: 384, 80: 576}
QUIET = 4  # modules that stay white around a QR code


def qr_modules(text: str) -> list[list[bool]]:
    """Rows of modules, black where true; a code that is read with a sixth of it dirty."""
    code = segno.make_qr(text, error="m")
    return [[bool(module) for module in row] for row in code.matrix]


def qr_path(text: str) -> tuple[int, str]:
    """How wide an SVG picture of the code is in modules, and its path."""
    modules = qr_modules(text)
    black = [
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(modules)
        for x, is_black in enumerate(row)
        if is_black
    ]
    return len(modules) + 2 * QUIET, "".join(black)


def qr_picture(text: str, width: int) -> Image.Image:
    """In the middle of the paper, each module six dots wide, which is well above what scanners need."""
    modules, size = qr_modules(text), 6
    picture = Image.new("1", (DOTS[width], (len(modules) + 2 * QUIET) * size), 1)
    left = (DOTS[width] - len(modules) * size) // 2
    draw = ImageDraw.Draw(picture)
    for y, row in enumerate(modules):
        for x, black in enumerate(row):
            if black:
                at = left + x * size, (QUIET + y) * size
                draw.rectangle((*at, at[0] + size - 1, at[1] + size - 1), fill=0)
    return picture


def text_picture(lines: Iterable[str], width: int, columns: int) -> Image.Image:
    """Lines as the printer would set them, in a type that knows their characters."""
    lines, advance = list(lines), DOTS[width] // columns
    height = advance * 2
    picture = Image.new("1", (DOTS[width], height * len(lines)), 1)
    draw, font = ImageDraw.Draw(picture), _font(advance)
    for number, line in enumerate(lines):
        draw.text((0, number * height), line, font=font, fill=0)
    return picture


@cache
def _font(advance: int) -> ImageFont.FreeTypeFont:
    """At which a character is so many dots wide: its advance is 0.602 of its size."""
    return ImageFont.truetype(FONT, int(advance / 0.602))
