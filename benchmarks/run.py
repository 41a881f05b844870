"""`make bench`: what each thing costs that a shop does all day, over HTTP, against floors and a peer of the same run.

With `callbacks`: how fast it settles what a gateway tells it.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import django
from tqdm import tqdm

from benchmarks import report
from benchmarks.aims import aims
from benchmarks.database import Database, empty_database, work_folder
from benchmarks.load import UNLIMITED, Bench, Load, Measurement, together
from benchmarks.scenarios import DJANGO_FLOOR, PAGE
from benchmarks.server import MPESA, SHOP, production, serving, shape
from benchmarks.stopping import printed, say

if TYPE_CHECKING:
    from benchmarks import lines

PROGRESS = "{n_fmt}/{total_fmt} [{elapsed}] {desc}"
# Lowest, highest, default. The longest basket holds 20 different products.
NUMBERS = {
    "seconds": (1, 600, 10, "for each line of the table (10)"),
    "requests": (1, UNLIMITED, UNLIMITED, "end a line after so many, if that is earlier"),
    "clients": (1, 64, 8, "tills that ask at the same time (8)"),
    "products": (20, 1_000_000, 10_000, "in the catalogue (10000)"),
    "catalogue": (100, 1_000_000, 100_000, "in the catalogue of lists and searches (100000)"),
}


WHAT = {
    "tills": "the table of all lines, and the aims",
    "callbacks": "how fast 500 callbacks of M-Pesa settle 500 payments",
}


@dataclass(frozen=True)
class Options:
    load: Load
    clients: int
    products: int
    catalogue: int
    what: str = "tills"


def run(options: Options, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    say("Starting PostgreSQL ...")
    folder = stack.enter_context(work_folder())
    database = stack.enter_context(empty_database(folder))
    # The settings are read when Django is set up.
    os.environ.update({**production(database.url, folder), **MPESA})
    if options.what == "callbacks":
        return _callbacks(database, stack)
    django.setup()
    # They need a Django that has been set up.
    from benchmarks import lines, shop

    say("Opening the shop ...")
    opened = shop.open_shop(options.products, options.clients)
    # The first page of the list of sales is full before the first till has sold.
    shop.sell_some(PAGE, opened)
    houses = lines.Houses(
        folder, database, stack, opened, options.clients, options.catalogue, options.load.seconds
    )
    benches = lines.all_lines(houses)
    measured = _measure(benches, options.load, lines.ROUNDS)
    sales = PAGE + sum(
        bench.answered for bench in benches if isinstance(bench, Bench) and bench.completes_sales
    )
    shop.check_books(sales)
    return "\n".join(
        (
            report.machine(database.version, shape()),
            f"{options.clients} tills, {options.products:,} products; {options.catalogue:,} for lists and searches",
            report.table(measured, DJANGO_FLOOR.name),
            aims(measured),
            report.tills(measured),
            f"The books are right: {sales} sales answered and stored, every stock is the sum of its movements.",
        )
    )


def _callbacks(database: Database, stack: ExitStack) -> str:
    django.setup()
    from apps.users.models import User
    from benchmarks import callbacks, shop

    say("Opening the shop ...")
    opened = shop.open_shop(1, 1)
    server = stack.enter_context(serving(SHOP, os.environ))
    cashier = User.objects.get(username=opened.cashiers[0].username)
    found = callbacks.run(server.port, opened.items[0].id, cashier, os.environ)
    return f"{report.machine(database.version, shape())}\n{found}"


def _measure(benches: "Sequence[lines.Line]", load: Load, rounds: int) -> list[Measurement]:
    """In rounds, so that what else the machine does for a while touches every line alike."""
    part = Load(load.seconds / rounds, -(-load.requests // rounds))
    found: list[list[Measurement]] = [[] for _ in benches]
    with tqdm(total=(rounds + 1) * len(benches), bar_format=PROGRESS, leave=False) as progress:
        for number in range(rounds + 1):
            for bench, measured in zip(benches, found, strict=True):
                progress.set_description(bench.name)
                if number:
                    measured.append(bench.measure(part))
                else:
                    bench.warm_up()
                progress.update()
    return [together(bench.name, parts) for bench, parts in zip(benches, found, strict=True)]


def read_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    about = "; ".join(f"{name}: {text}" for name, text in WHAT.items())
    parser.add_argument("what", nargs="?", choices=tuple(WHAT), default="tills", help=about)
    for name, (low, high, default, text) in NUMBERS.items():
        parser.add_argument(f"--{name}", type=_between(low, high), default=default, metavar="N", help=text)
    given = parser.parse_args(arguments)
    return Options(
        Load(given.seconds, given.requests), given.clients, given.products, given.catalogue, given.what
    )


def _between(low: int, high: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return int(text)

    return whole_number


def main() -> int:
    options = read_options(sys.argv[1:])
    return printed(lambda stack: run(options, stack))


if __name__ == "__main__":
    sys.exit(main())
