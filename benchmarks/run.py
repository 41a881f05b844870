"""`make bench`: how fast the shop looks up and sells, over HTTP, against floors measured in the same run."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType

import django

from benchmarks import report
from benchmarks.database import Database, empty_database, work_folder
from benchmarks.load import UNLIMITED, Bench, Load, Measurement
from benchmarks.scenarios import CHECKOUTS, DJANGO_FLOOR, LOOKUP, WSGI_FLOOR, Item, Scenario, sign_in
from benchmarks.server import SHOP, production, serving, shape
from pos_backend.local.account import LauncherError

SCENARIOS = (WSGI_FLOOR, DJANGO_FLOOR, LOOKUP, *CHECKOUTS)
FLOORS = {
    WSGI_FLOOR: "benchmarks.floor_wsgi:application",
    DJANGO_FLOOR: "benchmarks.floor_django:application",
}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Lowest, highest, default. The longest basket holds 20 different products.
NUMBERS = {
    "seconds": (1, 600, 10, "for each line of the table (10)"),
    "requests": (1, UNLIMITED, UNLIMITED, "end a line after so many, if that is earlier"),
    "clients": (1, 64, 8, "tills that ask at the same time (8)"),
    "products": (20, 1_000_000, 10_000, "in the catalogue (10000)"),
}


@dataclass(frozen=True)
class Options:
    load: Load
    clients: int
    products: int


class Run:
    """One run of the benchmark: everything is opened in `stack`, which closes it in reverse order."""

    def __init__(self, options: Options, stack: ExitStack) -> None:
        self.options = options
        self.stack = stack
        self.measured: list[Measurement] = []

    def __call__(self) -> str:
        say("Starting PostgreSQL ...")
        folder = self.stack.enter_context(work_folder())
        database = self.stack.enter_context(empty_database(folder))
        os.environ.update(production(database.url, folder))
        django.setup()
        # It needs a Django that has been set up.
        from benchmarks import shop

        say("Opening the shop ...")
        opened = shop.open_shop(self.options.products, self.options.clients)
        self._measure_floors(database, opened.items)
        with serving(SHOP, os.environ) as server:
            tokens = [sign_in(server.port, person) for person in opened.cashiers]
            bench = Bench(server, database.process, opened.items)
            for scenario in (LOOKUP, *CHECKOUTS):
                self._measure(bench, scenario, tokens)
        shop.check_books(bench.answered_sales)
        return self._report(database, bench.answered_sales)

    def _measure_floors(self, database: Database, items: Sequence[Item]) -> None:
        for scenario, application in FLOORS.items():
            with serving(application, os.environ) as server:
                bench = Bench(server, database.process, items)
                self._measure(bench, scenario, [""] * self.options.clients)

    def _measure(self, bench: Bench, scenario: Scenario, tokens: Sequence[str]) -> None:
        say(f"[{len(self.measured) + 1}/{len(SCENARIOS)}] {scenario.name} ...")
        self.measured.append(bench.measure(scenario, tokens, self.options.load))

    def _report(self, database: Database, sales: int) -> str:
        floor = next(line for line in self.measured if line.name == DJANGO_FLOOR.name)
        return "\n".join(
            (
                f"\n{report.machine(database.version, shape())}",
                f"{self.options.clients} tills, {self.options.products} products\n",
                report.table(self.measured, floor),
                f"\n{report.tills(self.measured)}",
                f"The books are right: {sales} sales answered and stored, every stock is the sum of its movements.",
            )
        )


def say(text: str) -> None:
    """Progress; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def read_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    for name, (low, high, default, text) in NUMBERS.items():
        parser.add_argument(f"--{name}", type=_between(low, high), default=default, metavar="N", help=text)
    given = parser.parse_args(arguments)
    return Options(Load(given.seconds, given.requests), given.clients, given.products)


def _between(low: int, high: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return int(text)

    return whole_number


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second Ctrl-C must not stop the tidying up.
    for name in STOP_SIGNALS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    options = read_options(sys.argv[1:])
    for name in STOP_SIGNALS:
        signal.signal(name, _interrupt)
    try:
        with ExitStack() as stack:
            print(Run(options, stack)())
    except KeyboardInterrupt:
        say("\nStopped; everything that was started has been ended.")
        return 130
    except LauncherError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
