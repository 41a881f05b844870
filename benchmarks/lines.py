"""The lines of the table: which server answers which scenario, with which data. To be imported after Django's setup."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from apps.payments.models import GatewayCallback
from benchmarks import opening, pgbench, scenarios
from benchmarks.client import Request
from benchmarks.database import Database, beside
from benchmarks.goods import Item, ean13
from benchmarks.load import UNLIMITED, WARM_UP_SECONDS, Bench, Load, Measurement, Used
from benchmarks.pgbench import PgBench
from benchmarks.scenarios import Scenario, sign_in
from benchmarks.server import SHOP, Server, serving
from benchmarks.shop import Shop
from benchmarks.stopping import say
from pos_backend.local.account import LauncherError
from pos_backend.local.postgres import PROJECT

ROUNDS = 3
APPLY_SECONDS = 60.0
# Payments to be begun for each second of the line that settles them; more than a server can settle on two processors.
CALLBACKS_A_SECOND = 80


class Line(Protocol):
    """Something that is measured in rounds."""

    @property
    def name(self) -> str: ...

    def warm_up(self) -> None: ...

    def measure(self, load: Load) -> Measurement: ...


class Webhook(Bench):
    """What is done with a message after its answer is waited for, because it counts."""

    def _used(self) -> Used:
        deadline = time.monotonic() + APPLY_SECONDS
        while GatewayCallback.objects.filter(next_try_at__isnull=False, tries=0).exists():
            if time.monotonic() > deadline:
                raise LauncherError(f"Callbacks were not applied in {APPLY_SECONDS:.0f} s.")
            time.sleep(0.02)
        return super()._used()


class Callbacks(Webhook):
    """Each message settles a payment that was begun for it, and so is brought once."""

    def __init__(
        self, server: Server, process: psutil.Process | None, messages: list[Request], tills: int
    ) -> None:
        super().__init__(scenarios.CALLBACK, server, process, [])
        self.messages = messages
        self.tills = tills
        self.share = len(messages) // (ROUNDS + 1)

    @property
    def completes_sales(self) -> bool:
        return True

    def warm_up(self) -> None:
        self.requests = [[self.messages.pop()]]
        self._probe()
        self.measure(Load(WARM_UP_SECONDS, UNLIMITED))

    def measure(self, load: Load) -> Measurement:
        """What a round does not come to is left: nobody knows which of the messages were brought."""
        count = min(load.requests, self.share, len(self.messages))
        taken = [self.messages.pop() for _ in range(count)]
        self.requests = [taken[till :: self.tills] for till in range(self.tills)]
        return super().measure(Load(load.seconds, count))


@dataclass(frozen=True)
class Houses:
    """What is open, and how long it is measured."""

    folder: Path
    database: Database
    stack: ExitStack
    shop: Shop
    tills: int
    catalogue: int
    seconds: float

    def serve(self, application: str, **env: str) -> Server:
        return self.stack.enter_context(serving(application, {**os.environ, **env}))

    def database_beside(self, suffix: str, copied: bool = False) -> str:
        return self.stack.enter_context(beside(self.database, suffix, copied))

    def bench(
        self,
        scenario: Scenario,
        server: Server,
        items: Sequence[Item],
        tokens: Sequence[str],
        kind: type[Bench] = Bench,
    ) -> Bench:
        requests = [scenario.requests(number, items, token) for number, token in enumerate(tokens)]
        return kind(scenario, server, self.database.process, requests)


def all_lines(houses: Houses) -> list[Line]:
    """In the order of the table."""
    # First, because nobody may be connected to a database that is copied.
    alone = _postgres_alone(houses)
    drf, naive = _peers(houses)
    nobody = [""] * houses.tills
    floors = {
        "benchmarks.floor_wsgi": scenarios.WSGI_FLOOR,
        "benchmarks.floor_django": scenarios.DJANGO_FLOOR,
    }
    return [
        *(
            houses.bench(scenario, houses.serve(f"{module}:application"), houses.shop.items, nobody)
            for module, scenario in floors.items()
        ),
        drf,
        *alone,
        *naive,
        *_own(houses),
        *_lists(houses),
    ]


def _postgres_alone(houses: Houses) -> list[Line]:
    """In a copy, because the scripts repeat stock and would spoil the books."""
    program = pgbench.find_pgbench()
    if program is None:
        say("PostgreSQL alone is skipped: there is no pgbench, neither with the server nor on the PATH.")
        return []
    url, scripts = houses.database_beside("alone", copied=True), houses.folder / "scripts"
    pgbench.write_scripts(scripts, {**os.environ, "DATABASE_URL": url})
    names = {"lookup": "PostgreSQL alone, lookup", "checkout": "PostgreSQL alone, checkout, 5 lines"}
    return [
        PgBench(name, program, sorted(scripts.glob(f"{kind}*")), url, houses.database.process, houses.tills)
        for kind, name in names.items()
    ]


def _peers(houses: Houses) -> tuple[Line, list[Line]]:
    """The naive POS, and the view of the tutorials that reads its tables."""
    say("Opening the naive shop ...")
    env = {
        "DATABASE_URL": houses.database_beside("naive"),
        "DJANGO_SETTINGS_MODULE": "benchmarks.naive.settings",
    }
    count = len(houses.shop.items)
    command = [sys.executable, "-m", "benchmarks.naive.opening", str(count), str(houses.tills)]
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, **env}, stdout=subprocess.PIPE)
    if done.returncode:
        raise LauncherError("The naive shop could not be opened. See the messages above.")
    tokens = json.loads(done.stdout)
    items = [Item(number + 1, ean13(number)) for number in range(count)]
    naive = houses.serve("benchmarks.naive.wsgi:application", **env)
    drf = houses.serve("benchmarks.floor_drf:application", **env)
    peers = (scenarios.NAIVE_LOOKUP, scenarios.NAIVE_CHECKOUT)
    return houses.bench(scenarios.DRF_FLOOR, drf, items, tokens), [
        houses.bench(scenario, naive, items, tokens) for scenario in peers
    ]


def _own(houses: Houses) -> list[Line]:
    """What the shop's tills and gateways ask all day."""
    server = houses.serve(SHOP)
    tokens = [sign_in(server.port, person) for person in houses.shop.cashiers]
    owner = [sign_in(server.port, houses.shop.admin)] * houses.tills
    # The list of sales comes after sales of 5 lines, which are then on its first page.
    selling = (scenarios.LOOKUP, *scenarios.CHECKOUTS, scenarios.SAME_PRODUCTS)
    messages = opening.messages(os.environ, 0, math.ceil(CALLBACKS_A_SECOND * houses.seconds) + 40)
    return [
        *(houses.bench(scenario, server, houses.shop.items, tokens) for scenario in selling),
        houses.bench(scenarios.SALES, server, houses.shop.items, owner),
        Callbacks(server, houses.database.process, messages, houses.tills),
        houses.bench(scenarios.UNKNOWN_CALLBACK, server, houses.shop.items, tokens, Webhook),
    ]


def _lists(houses: Houses) -> list[Line]:
    """In a shop of its own with a long catalogue."""
    say(f"Opening a shop with {houses.catalogue:,} products for lists and searches ...")
    env = {**os.environ, "DATABASE_URL": houses.database_beside("long")}
    opened = opening.opened(env, houses.catalogue, houses.tills)
    server = houses.serve(SHOP, DATABASE_URL=env["DATABASE_URL"])
    tokens = [sign_in(server.port, person) for person in opened.cashiers]
    return [houses.bench(scenario, server, opened.items, tokens) for scenario in scenarios.LISTS]
