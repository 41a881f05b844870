"""Rows as PostgreSQL's COPY reads them."""

from collections.abc import Callable, Iterable, Iterator

from pos_backend.history.columns import COLUMNS, TABLES

NULL = r"\N"
# Payments and refunds of a made-up past: no gateway is ever asked about these, nor may it send them back.
ENVIRONMENT = "history"

_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def text(value: str | None) -> str:
    """A text from elsewhere; only such may hold what means something to COPY."""
    return NULL if value is None else value.translate(_ESCAPED)


def row(values: Iterable[object]) -> str:
    """One row; None is NULL, and texts stand as they are."""
    return "\t".join([NULL if value is None else str(value) for value in values]) + "\n"


class Pages:
    """Rows that wait for being copied, by table."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {table: [] for table in TABLES}

    def write(self, table: str, **values: object) -> None:
        """One row of `table`; what is not named has its default."""
        self.rows[table].append(row({**COLUMNS[table], **values}.values()))

    def tear_off(self) -> dict[str, bytes]:
        """What has been written so far, to be copied; the next rows come onto new pages."""
        written = {table: "".join(rows).encode() for table, rows in self.rows.items() if rows}
        for rows in self.rows.values():
            rows.clear()
        return written

    def torn_off(
        self, turns: Iterator[None], each: int, progress: Callable[[int], object]
    ) -> Iterator[dict[str, bytes]]:
        """A page after `each` turns of writing, and the rest; `progress` hears how many turns it was."""
        turned = 0
        for turned, _ in enumerate(turns, 1):
            if turned % each == 0:
                progress(each)
                yield self.tear_off()
        progress(turned % each)
        yield self.tear_off()
