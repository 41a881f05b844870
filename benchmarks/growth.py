"""Whether the shop stays as fast as it grows: a small and a large one, asked in turns.

The small one has sold nothing; the large one has a longer catalogue and the sales of a year or more. Each has a
PostgreSQL and a gunicorn of its own, and both are open at once: whatever else the machine does touches both alike.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

from tqdm import tqdm

from benchmarks import report
from benchmarks.client import Request
from benchmarks.database import work_folder
from benchmarks.goods import WORDS, Item
from benchmarks.growth_shop import Shop, Size, open_shop
from benchmarks.growth_table import OPERATIONS, Figures, sizes, table
from benchmarks.load import UNLIMITED, Bench, Load, Used
from benchmarks.opening import messages
from benchmarks.reports import place_in_list
from benchmarks.scenarios import CHECKOUTS, LOOKUP, Prepare, Scenario, get
from benchmarks.server import shape
from benchmarks.stopping import printed
from pos_backend.local.account import LauncherError

LINES = 4.35  # of a sale in the history, on average
SMALL = 10_000
# So many sales lie below the deep page of the list, and at least so many are made before anything is counted.
PAGE = 50
# A page of each of the words has to be there.
SHORTEST = len(WORDS) * PAGE
APPLY_SECONDS = 60.0
UNAPPLIED = "SELECT count(*) FROM payments_gatewaycallback WHERE next_try_at IS NOT NULL"


@dataclass(frozen=True)
class Options:
    products: int
    small: int
    sales: int
    days: int
    rounds: int
    seconds: float
    tills: int
    callbacks: int
    keep: Path | None


class Settling(Bench):
    """A message is applied when it has been answered: that work is waited for, because it is counted."""

    def __init__(self, shop: Shop, scenario: Scenario, requests: Sequence[Sequence[Request]]) -> None:
        super().__init__(scenario, shop.server, shop.database.process, requests)
        self.shop = shop

    def _used(self) -> Used:
        deadline = time.monotonic() + APPLY_SECONDS
        while self.shop.number(UNAPPLIED):
            if time.monotonic() > deadline:
                raise LauncherError(f"Callbacks were not applied in {APPLY_SECONDS:.0f} s.")
            time.sleep(0.05)
        return super()._used()


def run(options: Options, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    folder = stack.enter_context(work_folder())
    wanted = (
        Size("small", options.small, 0, 0),
        Size("large", options.products, options.sales, options.days),
    )
    small, large = shops = [
        stack.enter_context(open_shop(size, options.tills, folder, options.keep)) for size in wanted
    ]
    for shop in shops:
        _prepare_to_measure(shop)
    figures = _measure(shops, options)
    for shop in shops:
        _check(shop)
    lines = large.number("SELECT count(*) FROM sales_saleitem")
    return "\n".join(
        (
            report.machine(small.database.version, shape()),
            f"small: {options.small:,} products, nothing sold; large: {options.products:,} products, "
            f"{options.sales:,} sales before; at the end {lines:,} sale lines",
            f"{options.tills} tills, median of {options.rounds} rounds of {options.seconds:g} s",
            "",
            table(figures),
            "",
            sizes(small.database.url, large.database.url),
        )
    )


def _prepare_to_measure(shop: Shop) -> None:
    """Some sales, so that both lists have full pages, and where the deep page of the list begins."""
    before = shop.number("SELECT count(*) FROM sales_sale")
    bench = _bench(shop, CHECKOUTS[1], seed=-1)
    bench.warm_up()
    bench.measure(Load(60.0, 4 * PAGE))
    shop.sold = before + bench.answered
    # A fiftieth of a long history; in the small shop more than a page has to lie below.
    first = shop.number("SELECT min(id) FROM sales_sale")
    last = shop.number("SELECT max(id) FROM sales_sale")
    shop.deep = first + max((last - first) // 50, 2 * PAGE)


def _measure(shops: Sequence[Shop], options: Options) -> dict[tuple[str, str], Figures]:
    """In rounds over all operations and both shops, the first not counted; medians by operation and shop."""
    found: dict[tuple[str, str], list[Figures]] = {}
    steps = [(turn, name) for turn in range(options.rounds + 1) for name in OPERATIONS]
    with tqdm(total=2 * len(steps), desc="Measuring", leave=False) as progress:
        for turn, name in steps:
            # Whoever comes second finds the machine's caches as the first left them.
            for shop in shops if turn % 2 else reversed(shops):
                progress.set_description(f"{name}, {shop.size.name}")
                figures = _once(shop, name, turn, options)
                if turn:
                    found.setdefault((name, shop.size.name), []).append(figures)
                progress.update()
    return {key: _middle(rounds) for key, rounds in found.items()}


def _once(shop: Shop, name: str, turn: int, options: Options) -> Figures:
    """One operation in one shop for one round, with requests that no round had before."""
    if name == "webhook":
        sent = messages(shop.env, shop.messages, options.callbacks)
        shop.messages += len(sent)
        shop.sold += len(sent)
        parts = [sent[till :: options.tills] for till in range(options.tills)]
        bench: Bench = Settling(shop, Scenario(name, _never), parts)
        measured = bench.measure(Load(APPLY_SECONDS, options.callbacks))
    else:
        bench = _bench(shop, _scenario(name, shop), seed=turn)
        if not turn:
            bench.warm_up()
        measured = bench.measure(Load(options.seconds, UNLIMITED))
        shop.sold += bench.answered if bench.scenario.sells else 0
    p50 = report.percentile(measured.latencies, 0.5) * 1000
    return Figures(report.cpu_ms(measured), report.database_ms(measured), p50)


def _bench(shop: Shop, scenario: Scenario, seed: int) -> Bench:
    requests = [
        scenario.requests(1000 * seed + till, shop.items, token) for till, token in enumerate(shop.tokens)
    ]
    return Bench(scenario, shop.server, shop.database.process, requests)


def _scenario(name: str, shop: Shop) -> Scenario:
    sales = "/api/sales/sales/"
    ready = {
        "barcode lookup": LOOKUP,
        "checkout, 5 lines": CHECKOUTS[1],
        "product list": _listing(name, "/api/products/", shop),
        "search, a word": Scenario(name, _searching(WORDS), _has_page),
        "search, one product": Scenario(name, _searching(()), lambda answer: len(answer["results"]) == 1),
        "sales, first page": _listing(name, sales, shop),
        "sales, deep page": _listing(name, f"{sales}?cursor={quote(place_in_list(shop.deep))}", shop),
    }
    return ready[name]


def _listing(name: str, path: str, shop: Shop) -> Scenario:
    """Read by the owner: a cashier's list has the own sales only, which the history has not made."""
    return Scenario(name, lambda _, __, ___: get(path, _signed_in(shop.owner)), _has_page)


def _has_page(answer: Mapping[str, Sequence[object]]) -> bool:
    return len(answer["results"]) == PAGE


def _searching(words: Sequence[str]) -> Prepare:
    """For one of the words, else for the barcode of one product."""

    def prepare(chance: random.Random, items: Sequence[Item], token: str) -> Request:
        text = chance.choice(words or items)
        wanted = text.barcode if isinstance(text, Item) else text
        return get(f"/api/products/?search={quote(wanted)}", _signed_in(token))

    return prepare


def _signed_in(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


def _never(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    raise AssertionError("messages are prepared by the shop")


def _middle(rounds: Sequence[Figures]) -> Figures:
    database = [figures.database for figures in rounds if figures.database is not None]
    return Figures(
        median(figures.server for figures in rounds),
        median(database) if database else None,
        median(figures.p50 for figures in rounds),
    )


def _check(shop: Shop) -> None:
    """Raises `LauncherError` unless every sale that was answered is there."""
    stored = shop.number("SELECT count(*) FROM sales_sale")
    if stored != shop.sold:
        raise LauncherError(f"The {shop.size.name} shop should have {shop.sold:,} sales and has {stored:,}.")


def read_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    whole = {
        "products": (1_000_000, "in the catalogue of the large shop"),
        "small": (SMALL, "products of the small shop"),
        "sales": (2_300_000, f"that the large shop has made, of {LINES} lines on average"),
        "days": (365, "on which it made them"),
        "rounds": (5, "that are counted"),
        "tills": (4, "that ask at the same time"),
        "callbacks": (80, "in a round, for a payment each"),
    }
    for name, (default, text) in whole.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} ({default:,})")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each operation in a round (4)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the shops there for the next run")
    given = parser.parse_args(arguments)
    if min(getattr(given, name) for name in (*whole, "seconds")) <= 0 or given.small < SHORTEST:
        parser.error(f"numbers begin at 1, and the small shop has at least {SHORTEST} products")
    if given.keep and os.environ.get("DATABASE_URL"):
        parser.error("--keep is for a PostgreSQL of our own: leave out DATABASE_URL")
    return Options(**vars(given))


def main() -> int:
    options = read_options(sys.argv[1:])
    return printed(lambda stack: run(options, stack))


if __name__ == "__main__":
    sys.exit(main())
