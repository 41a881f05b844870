"""What a million checkouts leave behind: how large the tables are, and how large they would be if written anew.

pgbench plays checkouts of 5 lines, as they were captured from this version, by eight tills at 50 baskets: so few
products are sold more often than any shop sells them. Autovacuum works as in a shop. At the end `VACUUM FULL` writes
all tables anew, and what they shrink by is bloat.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import connection as Connection
from tqdm import tqdm

from benchmarks import pgbench, report
from benchmarks.database import empty_database, work_folder
from benchmarks.load import Load
from benchmarks.opening import opened
from benchmarks.server import production
from benchmarks.stopping import printed, say
from pos_backend.local.account import LauncherError

STEPS = 20
SECONDS_OF_A_STEP = 24 * 3600.0
MIB = 1024 * 1024
SHOWN = 10
STATE = """
    SELECT relname, pg_table_size(relid), pg_indexes_size(relid), n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd,
           autovacuum_count
    FROM pg_stat_user_tables WHERE schemaname = 'public'
"""
HEADS = (
    "MiB: table + indexes",
    "before",
    "after",
    "anew",
    "x",
    "rows",
    "dead",
    "updates",
    "on page",
    "vacuums",
)


@dataclass(frozen=True)
class Table:
    """Sizes in bytes; `updates` since the beginning, of which `on_page` needed no new entry in any index."""

    size: int
    indexes: int
    rows: int
    dead: int
    updates: int
    on_page: int
    vacuums: int

    @property
    def all(self) -> int:
        return self.size + self.indexes


def run(options: argparse.Namespace, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    program = pgbench.find_pgbench()
    if program is None:
        raise LauncherError("There is no pgbench, neither with the server nor on the PATH.")
    folder = stack.enter_context(work_folder())
    database = stack.enter_context(empty_database(folder))
    env = {**os.environ, **production(database.url, folder / "files")}
    say("Opening the shop ...")
    opened(env, options.products, options.tills)
    pgbench.write_scripts(folder / "scripts", env)
    scripts = sorted((folder / "scripts").glob("checkout*"))
    tills = pgbench.PgBench("checkouts", program, scripts, database.url, database.process, options.tills)
    with closing(psycopg2.connect(database.url)) as connection:
        connection.autocommit = True
        before = _tables(connection)
        played, seconds = 0, 0.0
        with tqdm(total=options.checkouts, desc="Selling", unit=" checkouts", leave=False) as progress:
            while played < options.checkouts:
                done = tills.measure(Load(SECONDS_OF_A_STEP, max(options.checkouts // STEPS, options.tills)))
                played, seconds = played + done.requests, seconds + done.elapsed
                progress.update(done.requests)
        after = _tables(connection)
        say("Writing all tables anew ...")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (FULL, ANALYZE)")
        anew = _tables(connection)
    return "\n".join(
        (
            report.machine(database.version, f"pgbench with {options.tills} clients"),
            f"{played:,} checkouts of 5 lines of {options.products:,} products in {seconds / 60:.0f} minutes, "
            f"{played / seconds:.0f} a second",
            "",
            _table(before, after, anew),
        )
    )


def _tables(connection: Connection) -> dict[str, Table]:
    with connection.cursor() as cursor:
        # What other connections did is counted when they end, or a moment later.
        cursor.execute("SELECT pg_sleep(2)")
        cursor.execute(STATE)
        return {name: Table(*figures) for name, *figures in cursor.fetchall()}


def _table(before: Mapping[str, Table], after: Mapping[str, Table], anew: Mapping[str, Table]) -> str:
    """The tables that are largest or have the most to lose; `x` is their size against what they would be anew."""
    largest = sorted(after, key=lambda name: -after[name].all)[:SHOWN]
    rewritten = sorted(after, key=lambda name: -after[name].updates)[:SHOWN]
    rows: list[tuple[str, ...]] = [HEADS]
    for name in dict.fromkeys(largest + [name for name in rewritten if after[name].updates]):
        now = after[name]
        updates = now.updates - before[name].updates
        on_page = now.on_page - before[name].on_page
        rows.append(
            (
                name,
                *(f"{t.size / MIB:.1f} + {t.indexes / MIB:.1f}" for t in (before[name], now, anew[name])),
                f"{now.all / anew[name].all:.2f}" if anew[name].all else "-",
                f"{now.rows:,}",
                f"{now.dead:,}",
                f"{updates:,}",
                f"{on_page / updates:.0%}" if updates else "-",
                f"{now.vacuums:,}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    total = sum(table.all for table in after.values()) / sum(table.all for table in anew.values())
    lines = [report.aligned(row, widths) for row in rows]
    return "\n".join([*lines, "", f"All tables: {total:.2f} x what they would be if they were written anew."])


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bloat", description=__doc__)
    for name, default in {"checkouts": 1_000_000, "products": 10_000, "tills": 8}.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"({default:,})")
    given = parser.parse_args(arguments)
    if min(given.checkouts, given.tills) <= 0 or given.products < 500:
        parser.error("numbers begin at 1, and there are at least 500 products")
    return given


def main() -> int:
    options = read_options(sys.argv[1:])
    return printed(lambda stack: run(options, stack))


if __name__ == "__main__":
    sys.exit(main())
