"""A pytest plugin: the tests get a PostgreSQL of their own, fast and forgetful.

It is enabled by `-p pos_backend.local.testing`. A DATABASE_URL or DB_NAME in the environment is used
instead; one in `.env` is not, so that tests never touch the shop's own database by accident. Its replica they never
read.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Generator
from pathlib import Path
from types import FrameType

import psutil
import pytest

from pos_backend.local.account import LauncherError
from pos_backend.local.leftovers import stop_left_over_server
from pos_backend.local.options import database_is_configured
from pos_backend.local.postgres import PROJECT, EmbeddedPostgres

FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}
STOPPED_BY_SIGTERM = "stopped by SIGTERM"


class TestServer:
    """The server of this test run, in `.pos-test/<process>`."""

    __test__ = False

    def __init__(self, parent: Path) -> None:
        self.folder = parent / str(os.getpid())
        self.postgres = EmbeddedPostgres(self.folder)
        self.owner = os.getpid()

    def start(self) -> None:
        remove_stale(self.folder.parent)
        # Earlier than any other exit handler runs, and once at most.
        atexit.register(self.stop)
        self.postgres.start(FAST_AND_FORGETFUL)
        os.environ["DATABASE_URL"] = self.postgres.url()
        os.environ["POS_DATA_DIR"] = str(self.folder)

    def stop(self) -> None:
        if os.getpid() != self.owner:  # a forked child must not end its parent's server
            return
        atexit.unregister(self.stop)
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another test run may still be in there
            self.folder.parent.rmdir()


SERVER: list[TestServer] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Set the environment before pytest-django reads the settings."""
    os.environ.setdefault("POS_ENV", "development")
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
    os.environ["DATABASE_REPLICA_URL"] = ""
    known = early_config.known_args_namespace
    try:
        _choose_database(needed=not (known.help or known.version or known.collectonly))
    except LauncherError as error:
        raise pytest.UsageError(str(error)) from None
    return (yield)


def _choose_database(needed: bool) -> None:
    if database_is_configured(os.environ.get):
        # An address in `.env` would win over a DB_NAME in the environment.
        os.environ.setdefault("DATABASE_URL", "")
        return
    server = TestServer(PROJECT / ".pos-test")
    if not needed:
        os.environ["DATABASE_URL"] = server.postgres.url()
        return
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    SERVER.append(server)
    server.start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Ending at once would leave the server running.
    raise KeyboardInterrupt(STOPPED_BY_SIGTERM)


def pytest_unconfigure() -> None:
    while SERVER:
        SERVER.pop().stop()


def remove_stale(parent: Path) -> None:
    """Remove what test runs left behind that were killed."""
    if not parent.is_dir():
        return
    for folder in parent.iterdir():
        if folder.name.isdigit() and not _in_use(int(folder.name)):
            stop_left_over_server(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _in_use(pid: int) -> bool:
    try:
        return pid != os.getpid() and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
