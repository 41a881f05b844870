"""What goes into a file: tables of typed columns, whose rows are read while they are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, auto

Cell = str | int | float | Decimal | date | None


class Kind(Enum):
    """What the cells of a column are. Amounts are in the shop's currency, percentages 21.50 for 21.5 %."""

    TEXT = auto()
    ID = auto()
    COUNT = auto()
    QUANTITY = auto()
    MONEY = auto()
    PERCENT = auto()
    DATE = auto()
    HOUR = auto()


ADDABLE = frozenset({Kind.COUNT, Kind.QUANTITY, Kind.MONEY})


@dataclass(frozen=True)
class Column:
    """`name` as in the JSON; `adds_up` is False where a sum of the column says nothing, as of prices."""

    name: str
    kind: Kind = Kind.TEXT
    adds_up: bool = True

    @property
    def is_summed(self) -> bool:
        return self.adds_up and self.kind in ADDABLE

    @property
    def label(self) -> str:
        """`Net revenue` for `net_revenue`."""
        return {"id": "Id", "sku": "SKU"}.get(self.name) or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Chart:
    """A picture of a table: the columns `values` over the column `along`, of its first `most` rows."""

    title: str
    along: str
    values: Sequence[str]
    shape: str = "column"
    most: int = 400


@dataclass(frozen=True)
class Table:
    """`name` is the section in CSV and the sheet in a workbook. `rows` are gone through once.

    `upright` is for a table of one row, which a workbook shows as a list of names and values. `size` is how many rows
    there are, where that may be too many.
    """

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    upright: bool = False
    chart: Chart | None = None
    size: int = 0

    @property
    def label(self) -> str:
        return self.name.replace("_", " ").capitalize()

    def place(self, column: str) -> int:
        """Where the column of this name stands, from 0."""
        return [other.name for other in self.columns].index(column)
