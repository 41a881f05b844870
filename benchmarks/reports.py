"""`make bench-reports`: every report, each period, and pages of long lists, at 10,000, 100,000 and 1,000,000 sales.

The histories span the same days, so that only their length in sales differs. All shops are open at once and asked in
turns: whatever else the machine does touches all columns alike.
"""

import argparse
import os
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg2

from benchmarks import report
from benchmarks.client import Connection, packed
from benchmarks.database import Database, empty_database, work_folder
from benchmarks.goods import Item
from benchmarks.load import Bench, Load, Measurement, together
from benchmarks.office import call, hire, manage
from benchmarks.scenarios import Person, Scenario, checkout, get, sign_in
from benchmarks.server import SHOP, Server, production, serving, shape
from benchmarks.stopping import printed, say
from pos_backend.local.account import LauncherError

SIZES = (10_000, 100_000, 1_000_000)
DAYS = 365
PRODUCTS = 100_000
ROUNDS = 9
PERIODS = ("today", "week", "month", "year")
ADMIN = Person("bench-admin", "kipimo-cha-kasi-41")
CASHIER = Person("bench-cashier", "kipimo-cha-kasi-42")
SEARCHES = ("ma", "chai", "unga 5")
BESIDE_SECONDS = 6.0
BESIDE_ROUNDS = 4


@dataclass(frozen=True)
class Options:
    sizes: tuple[int, ...]
    days: int
    products: int


@dataclass
class Shop:
    """A running shop with `sales` sales of history."""

    sales: int
    server: Server
    database: Database
    token: str
    paths: dict[str, str]
    times: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, connection: Connection, name: str) -> float:
        """Seconds until the whole answer was there. Raises `LauncherError` when it is no success."""
        request = packed(get(self.paths[name], {"Authorization": f"Token {self.token}"}))
        began = time.monotonic()
        answer = connection.ask(request)
        taken = time.monotonic() - began
        if answer.status != 200:
            raise LauncherError(f"{name} at {self.sales:,} sales: {answer.status} {answer.body[:300]!r}")
        return taken


def run(options: Options, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    folder = stack.enter_context(work_folder())
    shops = [_open_shop(sales, options, folder / str(sales), stack) for sales in options.sizes]
    _measure(shops)
    beside = _beside_a_report(shops[-1])
    return "\n".join(
        (
            report.machine(shops[0].database.version, shape()),
            f"{options.days} days, {options.products:,} products; median of {ROUNDS} in ms, over HTTP",
            table(shops),
            "",
            beside,
        )
    )


def _open_shop(sales: int, options: Options, folder: Path, stack: ExitStack) -> Shop:
    say(f"Building {sales:,} sales ...")
    database = stack.enter_context(empty_database(folder, suffix=str(sales)))
    env = {**os.environ, **production(database.url, folder)}
    began = time.monotonic()
    manage(env, "migrate", "--no-input", "--verbosity", "0")
    manage(
        env,
        "make_history",
        f"--sales={sales}",
        f"--days={options.days}",
        f"--products={options.products}",
        "--seed=1",
    )
    built = time.monotonic()
    manage(env, "rollup")
    say(f"... built in {built - began:.0f} s, rolled up in {time.monotonic() - built:.0f} s.")
    with closing(psycopg2.connect(database.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # What autovacuum would do soon, and then in the middle of a measurement.
            cursor.execute("VACUUM (ANALYZE)")
            paths = _paths(cursor)
    for person, role in ((ADMIN, "admin"), (CASHIER, "cashier")):
        hire(env, person, role)
    server = stack.enter_context(serving(SHOP, env))
    return Shop(sales, server, database, sign_in(server.port, ADMIN), paths)


def _paths(cursor: "psycopg2.extensions.cursor") -> dict[str, str]:
    """What is asked for, by the name of its line."""
    paths = {
        f"{name}, {period}": f"/api/reports/{name}/?period={period}"
        for name in ("sales", "profit", "reconciliation")
        for period in PERIODS
    }
    paths["dashboard"] = "/api/reports/dashboard/"
    paths["day-end, today"] = "/api/reports/day-end/"
    paths["inventory"] = "/api/reports/inventory/"
    lists = {
        "sales": ("/api/sales/sales/", "sales_sale"),
        "payments": ("/api/payments/payments/", "payments_payment"),
        "movements": ("/api/inventory/movements/", "inventory_movement"),
    }
    for name, (path, ledger) in lists.items():
        cursor.execute(f"SELECT min(id) + (max(id) - min(id)) / 50 FROM {ledger}")  # noqa: S608 - our own tables
        paths[f"list of {name}, first page"] = path
        place = place_in_list(cursor.fetchone()[0])
        paths[f"list of {name}, deep page"] = f"{path}?{urlencode({'cursor': place})}"
    return paths | {f"search {text!r}": f"/api/products/?search={quote(text)}" for text in SEARCHES}


def place_in_list(position: int) -> str:
    """The `cursor` of the page that begins below this id."""
    return b64encode(f"p={position}".encode()).decode()


def _measure(shops: Sequence[Shop]) -> None:
    """In rounds over all shops; the first round is not counted."""
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(Connection(shop.server.port))) for shop in shops]
        for number in range(ROUNDS + 1):
            say(f"Round {number} of {ROUNDS}")
            for name in shops[0].paths:
                for shop, connection in zip(shops, connections, strict=True):
                    taken = shop.ask(connection, name)
                    if number:
                        shop.times.setdefault(name, []).append(taken)


def table(shops: Sequence[Shop]) -> str:
    """A line for each thing asked for: medians, and how much the longest history costs against the shortest."""
    heads = ["", *(f"{shop.sales:,}" for shop in shops), "ratio"]
    rows = [heads]
    for name in shops[0].paths:
        medians = [report.percentile(shop.times[name], 0.5) * 1000 for shop in shops]
        ratio = medians[-1] / medians[0]
        rows.append([name, *(f"{median:.1f}" for median in medians), f"{ratio:.2f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(report.aligned(row, widths) for row in rows)


def _beside_a_report(shop: Shop) -> str:
    """A till's checkout alone and while somebody reads the year's report again and again, in turns."""
    bench = _till(shop)
    bench.warm_up()
    load = Load(BESIDE_SECONDS, 10**9)
    alone: list[Measurement] = []
    beside: list[Measurement] = []
    reports = 0
    for number in range(BESIDE_ROUNDS):
        say(f"Checkout alone and beside a report, round {number + 1} of {BESIDE_ROUNDS}")
        alone.append(bench.measure(load))
        with _reading(shop) as count:
            beside.append(bench.measure(load))
        reports += count()
    lines = [_line("alone", together("", alone)), _line("beside the year's report", together("", beside))]
    return "\n".join((f"Checkout of 5 lines at {shop.sales:,} sales ({reports} reports read):", *lines))


def _line(name: str, measured: Measurement) -> str:
    p50, p99 = (report.percentile(measured.latencies, share) * 1000 for share in (0.5, 0.99))
    return f"  {name:26} {measured.requests:5} sales  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms"


def _till(shop: Shop) -> Bench:
    """One that sells 200 products of which there is plenty."""
    port, first = shop.server.port, "/api/products/?page_size=200&ordering=created_at"
    found = call(port, shop.token, "GET", first)["results"]
    items = [Item(product["id"], product["barcode"]) for product in found]
    rows = [{"barcode": item.barcode, "quantity": 100_000} for item in items]
    call(port, shop.token, "POST", "/api/inventory/movements/bulk/", {"rows": rows})
    scenario = Scenario(
        "checkout, 5 lines", checkout(5), lambda sale: sale["status"] == "completed", sells=True
    )
    token = sign_in(shop.server.port, CASHIER)
    return Bench(scenario, shop.server, None, [scenario.requests(1, items, token)])


@contextmanager
def _reading(shop: Shop) -> Iterator[Callable[[], int]]:
    """Somebody who reads the year's sales and profit without a pause."""
    ended, read = threading.Event(), []

    def keep_reading() -> None:
        with closing(Connection(shop.server.port)) as connection:
            while not ended.is_set():
                for name in ("sales, year", "profit, year"):
                    read.append(shop.ask(connection, name))

    reader = threading.Thread(target=keep_reading)
    reader.start()
    try:
        yield lambda: len(read)
    finally:
        ended.set()
        reader.join()


def read_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reports", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="sales, from few to many")
    parser.add_argument("--days", type=int, default=DAYS, help=f"of history ({DAYS})")
    parser.add_argument("--products", type=int, default=PRODUCTS, help=f"in the catalogue ({PRODUCTS})")
    given = parser.parse_args(arguments)
    try:
        sizes = tuple(sorted(int(size.replace("_", "")) for size in given.sizes.split(",")))
    except ValueError:
        parser.error("--sizes takes whole numbers with commas between them")
    return Options(sizes, given.days, given.products)


def main() -> int:
    options = read_options(sys.argv[1:])
    return printed(lambda stack: run(options, stack))


if __name__ == "__main__":
    sys.exit(main())
