"""What a run has shown, told by the tests themselves: the rows of docs/reliability.md.

`show()` keeps a row; they are printed as a table after the run. Most of these tests have two forms: a short one for
every change, and a long one (`POS_LONG=1`, as `make faults` and `make fuzz` set it) whose figures are published.
"""

import os
from dataclasses import astuple, dataclass
from typing import TypeVar

T = TypeVar("T")
LONG = bool(os.environ.get("POS_LONG"))


@dataclass(frozen=True)
class Row:
    """`number` as in the plan (F1, C3, B7, S14); `extent` is what was tried, how often; `result` what came of it."""

    number: str
    what: str
    extent: str
    result: str
    where: str


ROWS: list[Row] = []


def form(short: T, long: T) -> T:
    """How much is tried: in every run, and in the long form."""
    return long if LONG else short


def show(number: str, what: str, extent: str, result: str) -> None:
    """Call it when all was asserted: what stands in the table has held."""
    where = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    ROWS.append(Row(number, what, extent, result, f"`{where}`"))


def table() -> str:
    """The rows in the order of their numbers, in Markdown; empty when nothing was shown."""
    if not ROWS:
        return ""
    lines = ["| no. | what | how many | result | where |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(astuple(row))} |" for row in sorted(ROWS, key=_order)]
    return "\n".join(lines)


def _order(row: Row) -> tuple[str, int, str]:
    letter, number = row.number[:1], row.number[1:]
    return letter, int(number) if number.isdigit() else 0, row.what
