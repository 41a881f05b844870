"""`make bench`: how fast the shop looks up and sells, over HTTP, against floors measured in the same run.

With `callbacks`: how fast it settles what a gateway tells it.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import django
from tqdm import tqdm

from benchmarks import report
from benchmarks.database import Database, empty_database, work_folder
from benchmarks.load import UNLIMITED, Bench, Load, Measurement, together
from benchmarks.scenarios import CHECKOUTS, DJANGO_FLOOR, LOOKUP, WSGI_FLOOR, Item, Person, sign_in
from benchmarks.server import MPESA, SHOP, production, serving, shape
from benchmarks.stopping import printed, say

APPLICATIONS = {
    "benchmarks.floor_wsgi:application": (WSGI_FLOOR,),
    "benchmarks.floor_django:application": (DJANGO_FLOOR,),
    SHOP: (LOOKUP, *CHECKOUTS),
}
ROUNDS = 3
PROGRESS = "{n_fmt}/{total_fmt} [{elapsed}] {desc}"
# Lowest, highest, default. The longest basket holds 20 different products.
NUMBERS = {
    "seconds": (1, 600, 10, "for each line of the table (10)"),
    "requests": (1, UNLIMITED, UNLIMITED, "end a line after so many, if that is earlier"),
    "clients": (1, 64, 8, "tills that ask at the same time (8)"),
    "products": (20, 1_000_000, 10_000, "in the catalogue (10000)"),
}


WHAT = {
    "tills": "how fast it looks up and sells",
    "callbacks": "how fast 500 callbacks of M-Pesa settle 500 payments",
}


@dataclass(frozen=True)
class Options:
    load: Load
    clients: int
    products: int
    what: str = "tills"


def run(options: Options, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    say("Starting PostgreSQL ...")
    folder = stack.enter_context(work_folder())
    database = stack.enter_context(empty_database(folder))
    os.environ.update(production(database.url, folder))
    if options.what == "callbacks":
        return _callbacks(database, stack)
    django.setup()
    # It needs a Django that has been set up.
    from benchmarks import shop

    say("Opening the shop ...")
    opened = shop.open_shop(options.products, options.clients)
    benches = _benches(database, opened.items, opened.cashiers, stack)
    measured = _measure(benches, options.load)
    sales = sum(bench.answered for bench in benches if bench.scenario.sells)
    shop.check_books(sales)
    return "\n".join(
        (
            report.machine(database.version, shape()),
            f"{options.clients} tills, {options.products} products",
            report.table(measured, DJANGO_FLOOR.name),
            report.tills(measured),
            f"The books are right: {sales} sales answered and stored, every stock is the sum of its movements.",
        )
    )


def _callbacks(database: Database, stack: ExitStack) -> str:
    # The settings are read when Django is set up.
    os.environ.update(MPESA)
    django.setup()
    from apps.users.models import User
    from benchmarks import callbacks, shop

    say("Opening the shop ...")
    opened = shop.open_shop(1, 1)
    server = stack.enter_context(serving(SHOP, os.environ))
    cashier = User.objects.get(username=opened.cashiers[0].username)
    found = callbacks.run(server.port, opened.items[0].id, cashier, os.environ)
    return f"{report.machine(database.version, shape())}\n{found}"


def _benches(
    database: Database, items: Sequence[Item], cashiers: Sequence[Person], stack: ExitStack
) -> list[Bench]:
    """All scenarios, each with its server running."""
    servers = {name: stack.enter_context(serving(name, os.environ)) for name in APPLICATIONS}
    tokens = [sign_in(servers[SHOP].port, person) for person in cashiers]
    return [
        Bench(
            scenario,
            servers[application],
            database.process,
            [scenario.requests(number, items, token) for number, token in enumerate(tokens)],
        )
        for application, scenarios in APPLICATIONS.items()
        for scenario in scenarios
    ]


def _measure(benches: Sequence[Bench], load: Load) -> list[Measurement]:
    """In rounds, so that what else the machine does for a while touches every line alike."""
    part = Load(load.seconds / ROUNDS, -(-load.requests // ROUNDS))
    rounds: list[list[Measurement]] = [[] for _ in benches]
    with tqdm(total=(ROUNDS + 1) * len(benches), bar_format=PROGRESS, leave=False) as progress:
        for number in range(ROUNDS + 1):
            for bench, measured in zip(benches, rounds, strict=True):
                progress.set_description(bench.scenario.name)
                if number:
                    measured.append(bench.measure(part))
                else:
                    bench.warm_up()
                progress.update()
    return [together(bench.scenario.name, parts) for bench, parts in zip(benches, rounds, strict=True)]


def read_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    about = "; ".join(f"{name}: {text}" for name, text in WHAT.items())
    parser.add_argument("what", nargs="?", choices=tuple(WHAT), default="tills", help=about)
    for name, (low, high, default, text) in NUMBERS.items():
        parser.add_argument(f"--{name}", type=_between(low, high), default=default, metavar="N", help=text)
    given = parser.parse_args(arguments)
    return Options(Load(given.seconds, given.requests), given.clients, given.products, given.what)


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
