"""The two shops of growth: built for this run, or kept in a folder and built when they are not there yet."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg2

from benchmarks.cpu import postmaster
from benchmarks.database import Database, empty_database
from benchmarks.goods import Item
from benchmarks.office import manage
from benchmarks.opening import Opened, opened, read_opened
from benchmarks.scenarios import sign_in
from benchmarks.server import MPESA, SHOP, Server, production, serving
from benchmarks.stopping import STOP, say
from pos_backend.local.postgres import EmbeddedPostgres

FINISHED = "opened.json"


@dataclass(frozen=True)
class Size:
    """What a shop consists of before it is measured; a history of `sales` on `days`, or none."""

    name: str
    products: int
    sales: int
    days: int

    @property
    def folder_name(self) -> str:
        return f"{self.name}-{self.products}-{self.sales}-{self.days}"


@dataclass
class Shop:
    """A running shop; `tokens` are of its cashiers, `owner` is one, too; its deep page begins below the id `deep`."""

    size: Size
    env: Mapping[str, str]
    server: Server
    database: Database
    items: list[Item]
    tokens: list[str]
    owner: str
    deep: int = 0
    sold: int = 0
    messages: int = 0

    def number(self, query: str) -> int:
        """The one number that a query of ours finds."""
        with closing(psycopg2.connect(self.database.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return int(cursor.fetchone()[0])


@contextmanager
def open_shop(size: Size, tills: int, folder: Path, kept: Path | None) -> Iterator[Shop]:
    """Running until the block ends. With `kept` its database is looked for there, and stays there."""
    home = kept / size.folder_name if kept else folder / size.name
    with _kept_database(home) if kept else empty_database(home, suffix=size.name) as database:
        env = {**os.environ, **production(database.url, folder / f"{size.name}-files"), **MPESA}
        found = _built(size, tills, env, home if kept else None)
        with serving(SHOP, env) as server:
            tokens = [sign_in(server.port, person) for person in found.cashiers[:tills]]
            shop = Shop(size, env, server, database, found.items, tokens, sign_in(server.port, found.owner))
            shop.messages = shop.number("SELECT count(*) FROM payments_payment WHERE method = 'mpesa'")
            yield shop


def _built(size: Size, tills: int, env: Mapping[str, str], kept: Path | None) -> Opened:
    """Goods, people and past; what an earlier run finished is taken as it is."""
    if kept and (kept / FINISHED).exists():
        say(f"The {size.name} shop is there already.")
        manage(env, "migrate", "--no-input", "--verbosity", "0")
        return read_opened((kept / FINISHED).read_text())
    say(f"Opening the {size.name} shop: {size.products:,} products, {size.sales:,} sales ...")
    began = time.monotonic()
    found = opened(env, size.products, tills)
    stocked = time.monotonic()
    if size.sales:
        manage(env, "make_history", f"--sales={size.sales}", f"--days={size.days}", "--seed=1")
    say(f"... stocked in {stocked - began:.0f} s, has sold in {time.monotonic() - stocked:.0f} s.")
    if kept:
        (kept / FINISHED).write_text(json.dumps(asdict(found)))
    return found


@contextmanager
def _kept_database(folder: Path) -> Iterator[Database]:
    """As `empty_database` on a server of its own, but what is in it stays."""
    server = EmbeddedPostgres(folder)
    try:
        with STOP.held():
            server.start()
        with closing(psycopg2.connect(server.url())) as connection:
            version = str(connection.get_parameter_status("server_version"))
            yield Database(server.url(), version, postmaster(connection))
    finally:
        server.stop()
