"""Receipts in characters of one width: as a terminal shows them, and as PDF and printer build upon."""

import unicodedata
from collections.abc import Iterator, Sequence

from apps.sales.receipts.content import Kind, Row

# Characters on a line, by the width of the paper in millimetres: what receipt printers have in their usual type.
COLUMNS = {58: 32, 80: 48}


def as_text(rows: Sequence[Row], width: int) -> str:
    """Every line is at most `COLUMNS[width]` characters wide; the QR code is left out."""
    return "".join(f"{text}\n" for row in rows for text in written(row, COLUMNS[width]))


def written(row: Row, columns: int) -> Iterator[str]:
    """A row in lines of so many columns."""
    if row.kind is Kind.RULE:
        yield "-" * columns
    elif row.kind in {Kind.PAIR, Kind.TOTAL}:
        yield from _pair(row, columns)
    elif row.kind in {Kind.TITLE, Kind.CENTRED}:
        for line in wrapped(row.text, columns):
            yield " " * ((columns - width_of(line)) // 2) + line
    elif row.kind is Kind.TEXT:
        yield from wrapped(row.text, columns)


def _pair(row: Row, columns: int) -> Iterator[str]:
    """At the ends of one line; where there is no room, what belongs to the name comes below it."""
    *above, last = wrapped(row.text, columns)
    below = wrapped(row.right, columns)
    if len(below) == 1 and width_of(last) + 1 + width_of(below[0]) <= columns:
        yield from above
        yield last + " " * (columns - width_of(last) - width_of(below[0])) + below[0]
        return
    yield from above
    yield last
    for line in below:
        yield " " * (columns - width_of(line)) + line


def wrapped(text: str, columns: int) -> list[str]:
    """Between words where there are any, with the spaces at the beginning before each line; never empty."""
    text = "".join(c for c in unicodedata.normalize("NFC", text) if c == "\t" or c.isprintable())
    indent = " " * (len(text) - len(text.lstrip()))
    lines, line = [], indent
    for word in text.split():
        for part in _parts(word, columns - len(indent)):
            space = " " if line != indent else ""
            if width_of(line + space + part) > columns:
                lines.append(line)
                line, space = indent, ""
            line += space + part
    return [*lines, line]


def _parts(word: str, columns: int) -> Iterator[str]:
    """A word that is longer than a line is broken."""
    part = ""
    for character in word:
        if width_of(part + character) > columns:
            yield part
            part = ""
        part += character
    yield part


def width_of(text: str) -> int:
    """In columns: two for the characters of East Asia and most signs, none for marks that stand above others."""
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
