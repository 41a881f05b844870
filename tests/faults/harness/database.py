"""A PostgreSQL that keeps its word, on data of its own: ended hard, started again, with settings of its own."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from pos_backend.local.postgres import LOCK_FILES, PROJECT, EmbeddedPostgres
from pos_backend.local.testing import FAST_AND_FORGETFUL, SERVER

# What a shop's server has. It takes every worker's threads, and a few more.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_connections": "150"}
FILLED = "filled.json"
_numbers = itertools.count(1)


@dataclass
class Database:
    """A server whose data began as a copy of one filled shop (tests/faults/filling.py).

    `address` is what the shop is told, where that is not simply this server.
    """

    server: EmbeddedPostgres
    settings: Mapping[str, str] = field(default_factory=lambda: DURABLE)
    address: str = ""

    @property
    def url(self) -> str:
        return self.address or self.server.url()

    def start(self) -> None:
        self.server.start(self.settings)

    def crash(self) -> None:
        """PostgreSQL's `immediate`: nothing is written any more."""
        crash(self.server)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the server answers now, on a connection of its own."""
        with closing(psycopg2.connect(self.server.url())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query, parameters or None)
                return list(cursor.fetchall()) if cursor.description else []

    def ask(self, query: str, *parameters: Any) -> Any:
        """The one value that `query` answers."""
        return self.rows(query, *parameters)[0][0]


@contextmanager
def a_database(parent: Path | None = None, **settings: str) -> Iterator[Database]:
    """Durable unless `settings` say otherwise; below the folder of the test run, or in `parent`."""
    database = Database(EmbeddedPostgres(fresh_folder(parent)), {**DURABLE, **settings})
    database.server.prepare()
    copy(template() / "postgres", database.server.folder)
    try:
        database.start()
        yield database
    finally:
        remove(database.server)


def crash(server: EmbeddedPostgres) -> None:
    if server.process and server.is_running():
        server.process.send_signal(signal.SIGQUIT)
        server.process.wait(30)


def remove(server: EmbeddedPostgres) -> None:
    """At once, with all it holds."""
    crash(server)
    server.stop()
    shutil.rmtree(server.data_dir, ignore_errors=True)


def fresh_folder(parent: Path | None = None) -> Path:
    if not SERVER:
        pytest.skip("faults are tried on the embedded server only")
    folder = (parent or SERVER[0].folder) / f"faults{next(_numbers)}"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@cache
def template() -> Path:
    """A migrated and filled database, made once in a test run."""
    folder = fresh_folder()
    server = EmbeddedPostgres(folder)
    try:
        server.start(FAST_AND_FORGETFUL)
        env = {**os.environ, "DATABASE_URL": server.url(), "POS_ENV": "development"}
        command = [sys.executable, "-m", "tests.faults.filling", str(folder / FILLED)]
        subprocess.run(command, cwd=PROJECT, env=env, check=True, stdout=subprocess.DEVNULL)
    finally:
        server.stop()
    return folder


def filled() -> dict[str, Any]:
    """What tests/faults/filling.py has told: the products, and who is signed in."""
    found: dict[str, Any] = json.loads((template() / FILLED).read_text())
    return found


def copy(source: Path, target: Path) -> None:
    """A stopped server's data, with their owner and without its locks."""
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
    for name in LOCK_FILES:
        (target / name).unlink(missing_ok=True)
