"""Whether the shop is after hours as it was in the first minute.

Tills look up, sell and read reports without a pause, `manage.py payments_worker` works beside them as in a shop, and
`manage.py check_ledger` proves the books again and again. Ends with exit code 1 when an answer was wrong or the books
were.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import django
from tqdm import tqdm

from benchmarks import report
from benchmarks.database import Database, empty_database, work_folder
from benchmarks.scenarios import sign_in
from benchmarks.server import SHOP, Server, production, serving, shape
from benchmarks.soak_table import Span, growth, latencies, table
from benchmarks.soak_tills import Sample, Till, working
from benchmarks.soak_watch import Check, Checker, checking, look
from benchmarks.stopping import printed, say
from pos_backend.local.account import LauncherError

TENTHS = 10
WARM_UP_SECONDS = 10.0
SHOWN = 5


@dataclass(frozen=True)
class Options:
    minutes: float
    tills: int
    products: int


def run(options: Options, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report.

    Raises `LauncherError` when anything was wrong; the report is printed before.
    """
    folder = stack.enter_context(work_folder())
    database = stack.enter_context(empty_database(folder))
    os.environ.update(production(database.url, folder))
    django.setup()
    # They need a Django that has been set up.
    from benchmarks import shop
    from benchmarks.callbacks import beside_worker

    say("Opening the shop ...")
    opened = shop.open_shop(options.products, options.tills)
    server = stack.enter_context(serving(SHOP, os.environ))
    stack.enter_context(beside_worker(os.environ))
    tokens = [sign_in(server.port, person) for person in opened.cashiers]
    owner = sign_in(server.port, opened.admin)
    with (
        working(server.port, opened.items, tokens, owner) as tills,
        checking(os.environ) as checker,
    ):
        spans = _watch(server, database, options.minutes, tills, checker)
    wrong = _judge(tills, checker, os.environ, shop.check_books)
    found = "\n".join((*_heading(database, options), *_found(spans, tills, checker)))
    if wrong:
        print(found)
        raise LauncherError("\n".join(wrong))
    return found


def _watch(
    server: Server, database: Database, minutes: float, tills: Sequence[Till], checker: Checker
) -> list[Span]:
    """A span a minute, and never fewer than ten, when threads, connections and caches are warm."""
    time.sleep(WARM_UP_SECONDS)
    count = max(TENTHS, round(minutes))
    spans, began = [], look(server, database)
    start = time.monotonic()
    for number in tqdm(range(1, count + 1), desc="Selling", unit=" spans", leave=False):
        time.sleep(max(0.0, start + minutes * 60 * number / count - time.monotonic()))
        ended = look(server, database)
        samples = [sample for till in tills for sample in _since(till, began.at, ended.at)]
        spans.append(Span(began, ended, samples, len(checker.checks)))
        began = ended
    return spans


def _since(till: Till, began: float, ended: float) -> list[Sample]:
    """The till's answers of one span; it goes on adding to its list meanwhile."""
    found = []
    for sample in reversed(till.samples):
        if sample.ended <= began:
            break
        if sample.ended <= ended:
            found.append(sample)
    return found


def _judge(
    tills: Sequence[Till], checker: Checker, env: Mapping[str, str], check_books: Callable[[int], None]
) -> list[str]:
    """Everything that was wrong, in sentences; the books are proved once more, now that nobody sells."""
    last = Checker(env)
    last.check()
    checker.checks += last.checks
    complaints = [text for till in tills for text in till.wrong]
    wrong = [f"{len(complaints)} answers were wrong."] if complaints else []
    wrong += complaints[:SHOWN]
    wrong += [f"check_ledger ended with {check.code}: {check.said}" for check in checker.checks if check.code]
    try:
        check_books(sum(till.sold for till in tills))
    except LauncherError as error:
        wrong.append(str(error))
    return wrong


def _heading(database: Database, options: Options) -> tuple[str, ...]:
    return (
        report.machine(database.version, shape()),
        f"{options.minutes:g} minutes, {options.tills} tills, {options.products} products; "
        "80 % look-ups, 15 % checkouts of 5 lines, 5 % reports and lists",
        "",
    )


def _found(spans: Sequence[Span], tills: Sequence[Till], checker: Checker) -> tuple[str, ...]:
    sold, wrong = sum(till.sold for till in tills), sum(len(till.wrong) for till in tills)
    answers = sum(len(till.samples) for till in tills)
    return (
        table(spans),
        "",
        *latencies(spans, len(spans) // TENTHS),
        growth(spans),
        _checked(checker.checks),
        f"{answers:,} answers, {wrong} of them wrong; {sold:,} sales.",
    )


def _checked(checks: Sequence[Check]) -> str:
    seconds = [check.seconds for check in checks]
    found = sum(check.code != 0 for check in checks)
    return (
        f"check_ledger ran {len(checks)} times, {min(seconds):.1f} to {max(seconds):.1f} s each, and "
        f"{'found nothing' if not found else f'disagreed {found} times'}; its last words: {checks[-1].sentence}"
    )


def read_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of work (30)")
    parser.add_argument("--tills", type=int, default=8, metavar="N", help="that work at the same time (8)")
    parser.add_argument("--products", type=int, default=10_000, metavar="N", help="in the catalogue (10000)")
    given = parser.parse_args(arguments)
    if given.minutes < 0.2 or given.tills < 1 or given.products < 20:
        parser.error("at least 0.2 minutes, 1 till and 20 products")
    return Options(**vars(given))


def main() -> int:
    options = read_options(sys.argv[1:])
    return printed(lambda stack: run(options, stack))


if __name__ == "__main__":
    sys.exit(main())
