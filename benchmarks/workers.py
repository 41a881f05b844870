"""Which workers, and how many: gunicorn's classes and numbers against each other, in turns, in one shop.

A sync worker serves one request at a time and cannot hold a till that waits for the outcome of a payment (`?wait=25`)
without holding up all others; so threads cost what they cost, and this says what that is.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import median

from tqdm import tqdm

from benchmarks import report
from benchmarks.database import Database, empty_database, work_folder
from benchmarks.load import UNLIMITED, Bench, Load, Measurement
from benchmarks.opening import Opened, opened
from benchmarks.scenarios import CHECKOUTS, LOOKUP, Scenario, sign_in
from benchmarks.server import SHOP, Server, production, program, serving_program
from benchmarks.stopping import printed, say

# Class, workers, threads.
SHAPES = (
    ("sync", 2, 1),
    ("sync", 4, 1),
    ("gthread", 1, 24),
    ("gthread", 2, 8),
    ("gthread", 2, 24),
    ("gthread", 4, 12),
)
SCENARIOS = (LOOKUP, CHECKOUTS[1])
HEADS = ("", "req/s", "p50 ms", "p99 ms", "server CPU ms", "PostgreSQL CPU ms")


@contextmanager
def _shaped(kind: str, workers: int, threads: int) -> Iterator[Server]:
    wanted = {"--workers": str(workers), "--worker-class": kind, "--threads": str(threads)}
    usual = program(SHOP)
    command = list(usual.command)
    for name, value in wanted.items():
        command[command.index(name) + 1] = value
    with serving_program(replace(usual, command=tuple(command)), os.environ) as server:
        yield server


def run(options: argparse.Namespace, stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    folder = stack.enter_context(work_folder())
    database = stack.enter_context(empty_database(folder))
    os.environ.update(production(database.url, folder))
    say("Opening the shop ...")
    shop = opened(os.environ, options.products, options.tills)
    found: dict[tuple[int, str], list[Measurement]] = {}
    steps = [(turn, number) for turn in range(options.rounds) for number in range(len(SHAPES))]
    for turn, number in tqdm(steps, desc="Measuring", leave=False):
        with _shaped(*SHAPES[number]) as server:
            for scenario in SCENARIOS:
                measured = _measure(scenario, server, database, shop, options, turn * len(SHAPES) + number)
                found.setdefault((number, scenario.name), []).append(measured)
    rows: list[tuple[str, ...]] = [HEADS]
    for scenario in SCENARIOS:
        rows += [_row(scenario, number, found[number, scenario.name]) for number in range(len(SHAPES))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join(
        (
            report.machine(database.version, f"{options.tills} tills, median of {options.rounds} rounds"),
            "",
            *(report.aligned(row, widths) for row in rows),
        )
    )


def _measure(
    scenario: Scenario,
    server: Server,
    database: Database,
    shop: Opened,
    options: argparse.Namespace,
    seed: int,
) -> Measurement:
    tokens = [sign_in(server.port, person) for person in shop.cashiers[: options.tills]]
    requests = [scenario.requests(1000 * seed + till, shop.items, token) for till, token in enumerate(tokens)]
    bench = Bench(scenario, server, database.process, requests)
    bench.warm_up()
    return bench.measure(Load(options.seconds, UNLIMITED))


def _row(scenario: Scenario, number: int, measured: Sequence[Measurement]) -> tuple[str, ...]:
    kind, workers, threads = SHAPES[number]
    stored = [time for time in map(report.database_ms, measured) if time is not None]
    return (
        f"{scenario.name}: {workers} x {kind}" + (f" of {threads}" if threads > 1 else ""),
        f"{median(line.requests / line.elapsed for line in measured):.0f}",
        f"{median(report.percentile(line.latencies, 0.5) for line in measured) * 1000:.1f}",
        f"{median(report.percentile(line.latencies, 0.99) for line in measured) * 1000:.1f}",
        f"{median(map(report.cpu_ms, measured)):.2f}",
        f"{median(stored):.2f}" if stored else "-",
    )


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    for name, default in {"products": 2_000, "tills": 8, "rounds": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"({default:,})")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each line in a round (5)")
    given = parser.parse_args(arguments)
    if min(given.tills, given.rounds, given.seconds) <= 0 or given.products < 500:
        parser.error("numbers begin at 1, and there are at least 500 products")
    return given


def main() -> int:
    options = read_options(sys.argv[1:])
    return printed(lambda stack: run(options, stack))


if __name__ == "__main__":
    sys.exit(main())
