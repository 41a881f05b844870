"""A database for one run: on a PostgreSQL of its own, or on the server that DATABASE_URL names."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg2
from psycopg2 import sql

from benchmarks.cpu import postmaster
from benchmarks.stopping import STOP
from pos_backend.local.account import LauncherError
from pos_backend.local.postgres import PROJECT, EmbeddedPostgres
from pos_backend.local.testing import remove_stale


@dataclass(frozen=True)
class Database:
    """Where it is, its server's version, and the server's first process where that can be seen."""

    url: str
    version: str
    process: psutil.Process | None


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder beside those of the tests; what a killed run left behind goes first.

    Not the system's temporary folder: that is often kept in memory, where a commit costs nothing.
    """
    folder = PROJECT / ".pos-test" / str(os.getpid())
    remove_stale(folder.parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


@contextmanager
def empty_database(folder: Path, suffix: str = "") -> Iterator[Database]:
    """A new database under a name of our own, dropped afterwards; `suffix` tells several of one run apart."""
    with _server(folder) as url:
        name = f"pos_bench_{os.getpid()}{suffix and f'_{suffix}'}"
        try:
            connection = psycopg2.connect(url, connect_timeout=5)
        except psycopg2.Error as error:
            raise LauncherError(f"DATABASE_URL cannot be used: {_first_line(error)}") from None
        with closing(connection):
            connection.autocommit = True
            with _created(connection, name):
                yield Database(
                    urlsplit(url)._replace(path=f"/{name}").geturl(),
                    str(connection.get_parameter_status("server_version")),
                    postmaster(connection),
                )


@contextmanager
def beside(database: Database, suffix: str, copied: bool = False) -> Iterator[str]:
    """The address of another database on the same server; `copied` with all that is in the first, to which
    nobody may be connected meanwhile.
    """
    parts = urlsplit(database.url)
    name = f"{parts.path[1:]}_{suffix}"
    with closing(psycopg2.connect(parts._replace(path="/postgres").geturl())) as connection:
        connection.autocommit = True
        with _created(connection, name, parts.path[1:] if copied else "template0"):
            yield parts._replace(path=f"/{name}").geturl()


@contextmanager
def _created(
    connection: psycopg2.extensions.connection, name: str, template: str = "template0"
) -> Iterator[None]:
    created = False
    try:
        with STOP.held():
            _execute(connection, "CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'", name, template)
            created = True
        yield
    except psycopg2.Error as error:
        if created:
            raise
        raise LauncherError(f"No database can be made there: {_first_line(error)}") from None
    finally:
        if created:
            _execute(connection, "DROP DATABASE {} WITH (FORCE)", name)


def _execute(connection: psycopg2.extensions.connection, statement: str, *names: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """The address of a database that exists on the server to use."""
    if url := os.environ.get("DATABASE_URL"):
        if not url.startswith(("postgres://", "postgresql://")):
            # The address is not repeated: it may hold a password.
            raise LauncherError("DATABASE_URL must begin with postgresql://")
        yield url
        return
    server = EmbeddedPostgres(folder)
    try:
        with STOP.held():
            # As in a shop: what was confirmed survives a power cut.
            server.start()
        yield server.url()
    finally:
        server.stop()


def _first_line(error: psycopg2.Error) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
