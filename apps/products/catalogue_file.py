"""Reading a catalogue from a CSV file: every row checked as the API's form would check it."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

from rest_framework.exceptions import ValidationError
from tqdm import tqdm

from apps.core import money
from apps.core.csv_rows import NotReadable, columns_of, numbered_rows
from apps.core.fields import ExactField, MoneyField, PercentField, QuantityField
from apps.products import barcodes
from apps.products.models import Category, Product

REQUIRED = ("sku", "name", "price")
MAX_LINE_BYTES = 1_000_000
LINES_PER_STEP = 500
SHOWN_LENGTH = 60

_STOCK = QuantityField(low=Decimal(0), high=money.MAX_STOCK)
_NUMBERS: dict[str, ExactField] = {
    "price": MoneyField(),
    "cost_price": MoneyField(),
    "tax": PercentField(),
    "stock": _STOCK,
    "low_stock_threshold": _STOCK,
}
_TEXTS: dict[str, int] = {
    "sku": Product._meta.get_field("sku").max_length or 0,
    "barcode": barcodes.MAX_LENGTH,
    "name": Product._meta.get_field("name").max_length or 0,
    "category": Category._meta.get_field("name").max_length or 0,
}


class CatalogueError(Exception):
    """The file cannot be imported; a sentence for the person who tried. `rows` says what is wrong, line by line."""

    def __init__(self, sentence: str, rows: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.rows = rows


class BadRow(ValueError):
    """What is wrong with one row, for the person who has to mend it."""


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One product of the file.

    None means not given, because the column is missing or the cell empty: a new product gets the default, one
    that exists keeps what it has.
    """

    line: int
    sku: str
    name: str
    price: Decimal
    barcode: str | None = None
    barcode_key: str | None = None
    category: str | None = None
    cost_price: Decimal | None = None
    tax: Decimal | None = None
    low_stock_threshold: Decimal | None = None
    stock: Decimal | None = None


@dataclass(frozen=True)
class Catalogue:
    """The good rows of a file, and what is wrong with the others by line number."""

    rows: list[CatalogueRow] = field(default_factory=list)
    mistakes: dict[int, str] = field(default_factory=dict)


def read_catalogue(path: Path) -> Catalogue:
    """The whole file, `.csv` or `.csv.gz`. Raises `CatalogueError` where it is no such file at all."""
    try:
        with path.open("rb") as file, _progress(file) as bar:
            content = gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file
            return _catalogue(_lines(content, file, bar))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise CatalogueError(f"{path} is not a complete gzip file.") from None
    except OSError as error:
        raise CatalogueError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (CatalogueError, NotReadable) as error:
        raise CatalogueError(f"{path} cannot be imported: {error}") from None


def quoted(text: str) -> str:
    """A cell as it may be shown in a terminal: short, without characters that would steer it."""
    short = text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
    return '"{}"'.format(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)
    )


def _progress(file: IO[bytes]) -> "tqdm[Any]":
    size = os.fstat(file.fileno()).st_size
    return tqdm(total=size, desc="Reading", unit="B", unit_scale=True, disable=None)


def _lines(content: io.BufferedIOBase | IO[bytes], file: IO[bytes], bar: "tqdm[Any]") -> Iterator[str]:
    """Line by line, so that a wrong byte can be told by its line and a file without lines fills no memory."""
    for number, line in enumerate(iter(partial(content.readline, MAX_LINE_BYTES), b""), start=1):
        if len(line) == MAX_LINE_BYTES:
            raise CatalogueError(f"line {number} is longer than {MAX_LINE_BYTES:,} bytes.")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise CatalogueError(f"line {number} is not UTF-8 text. Save the file as CSV in UTF-8.") from None
        if number % LINES_PER_STEP == 0:
            bar.update(file.tell() - bar.n)
    bar.update(file.tell() - bar.n)


def _catalogue(lines: Iterator[str]) -> Catalogue:
    rows = numbered_rows(lines)
    _, header = next(rows, (0, None))
    if header is None:
        raise CatalogueError("it is empty.")
    columns = columns_of(header, {*_TEXTS, *_NUMBERS}, REQUIRED)
    catalogue, seen = Catalogue(), _Seen()
    for line, cells in rows:
        if not any(cells):
            continue
        try:
            catalogue.rows.append(seen.added(_row(line, cells, columns, len(header))))
        except BadRow as mistake:
            catalogue.mistakes[line] = str(mistake)
    return catalogue


def _row(line: int, cells: list[str], columns: dict[str, int], width: int) -> CatalogueRow:
    if len(cells) != width:
        raise BadRow(f"{len(cells)} columns instead of {width}.")
    values: dict[str, Any] = {}
    mistakes = []
    for name, position in columns.items():
        try:
            values[name] = _checked(name, cells[position])
        except BadRow as mistake:
            mistakes.append(f"{name} {quoted(cells[position])}: {mistake}")
    if mistakes:
        raise BadRow(" ".join(mistakes))
    if barcode := values.get("barcode"):
        values["barcode_key"] = barcodes.lookup_key(barcode)
    return CatalogueRow(line, **values)


def _checked(name: str, text: str) -> str | Decimal | None:
    if text:
        return _text(text, _TEXTS[name]) if name in _TEXTS else _number(name, text)
    if name in REQUIRED:
        raise BadRow("This is needed.")
    return None


def _text(text: str, longest: int) -> str:
    if len(text) > longest:
        raise BadRow(f"At most {longest} characters are allowed.")
    if "\0" in text:
        raise BadRow("The NUL character is not allowed.")
    return text


# Taxes, stocks and most prices repeat: they are checked once and share one object.
@lru_cache(maxsize=10_000)
def _number(name: str, text: str) -> Decimal:
    try:
        return _NUMBERS[name].to_internal_value(text)
    except ValidationError as error:
        raise BadRow("".join(map(str, error.detail))) from None


class _Seen:
    """SKUs and barcodes of the rows so far, with their lines."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], int] = {}

    def added(self, row: CatalogueRow) -> CatalogueRow:
        keys = {("sku", row.sku): row.sku}
        if row.barcode and row.barcode_key:
            keys["barcode", row.barcode_key] = row.barcode
        mistakes = [
            f"{name} {quoted(shown)}: Line {self.lines[name, key]} has it already."
            for (name, key), shown in keys.items()
            if (name, key) in self.lines
        ]
        if mistakes:
            raise BadRow(" ".join(mistakes))
        self.lines.update(dict.fromkeys(keys, row.line))
        return row
