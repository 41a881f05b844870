"""The tables of growth: what a request costs in both shops, and how large their tables are."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import psycopg2

from benchmarks import report

AIM = 1.3
OPERATIONS = (
    "checkout, 5 lines",
    "barcode lookup",
    "product list",
    "search, a word",
    "search, one product",
    "sales, first page",
    "sales, deep page",
    "webhook",
)
SHOWN = 10
MIB = 1024 * 1024
SIZES = """
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid), greatest(reltuples, 0)::bigint
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
HEADS = ("", "server CPU ms", "", "x", "PostgreSQL CPU ms", "", "x", "p50 ms", "", "")
BELOW = ("", "small", "large", "", "small", "large", "", "small", "large", "")


@dataclass(frozen=True)
class Figures:
    """Milliseconds for a request: CPU of gunicorn, CPU of PostgreSQL where it can be seen, and until the answer."""

    server: float
    database: float | None
    p50: float


def table(figures: Mapping[tuple[str, str], Figures]) -> str:
    """A line for each operation; one that costs the large shop more than `AIM` times as much is marked."""
    rows = [HEADS, BELOW]
    rows += [_row(name, figures[name, "small"], figures[name, "large"]) for name in OPERATIONS]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [report.aligned(row, widths) for row in rows]
    beyond = [row[0] for row in rows if row[-1]]
    told = f"Beyond {AIM} x: {'; '.join(beyond)}." if beyond else f"Everything is within {AIM} x."
    return "\n".join([*lines, "", told])


def _row(name: str, small: Figures, large: Figures) -> tuple[str, ...]:
    server = large.server / small.server
    stored, ratio = ("-", "-"), None
    if small.database is not None and large.database is not None:
        stored = (f"{small.database:.2f}", f"{large.database:.2f}")
        # Below a tick of the clock in all there is nothing to compare.
        ratio = large.database / small.database if small.database else None
    marked = "<" if max(server, ratio or 0) > AIM else ""
    return (
        name,
        f"{small.server:.2f}",
        f"{large.server:.2f}",
        f"{server:.2f}",
        *stored,
        "-" if ratio is None else f"{ratio:.2f}",
        f"{small.p50:.1f}",
        f"{large.p50:.1f}",
        marked,
    )


def sizes(small: str, large: str) -> str:
    """The largest tables of the large shop, in MiB, beside those of the small one; the arguments are addresses."""
    before, after = _sizes(small), _sizes(large)
    longest = sorted(after, key=lambda name: -sum(after[name][:2]))[:SHOWN]
    rows = [("MiB: table + indexes", "small", "large", "rows of large")]
    rows += [(name, _size(before[name]), _size(after[name]), f"{after[name][2]:,}") for name in longest]
    rows.append(("all tables", _size(_sum(before)), _size(_sum(after)), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(report.aligned(row, widths) for row in rows)


def _sizes(url: str) -> dict[str, tuple[int, int, int]]:
    """Bytes of a table, bytes of its indexes, and rows as far as PostgreSQL knows, by name."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(SIZES)
        return {name: (table, indexes, rows) for name, table, indexes, rows in cursor.fetchall()}


def _sum(tables: Mapping[str, tuple[int, int, int]]) -> tuple[int, int, int]:
    columns = list(zip(*tables.values(), strict=True))
    return sum(columns[0]), sum(columns[1]), sum(columns[2])


def _size(table: tuple[int, int, int]) -> str:
    return f"{table[0] / MIB:.1f} + {table[1] / MIB:.1f}"
