"""The disk of the database is full under load (F11): clear refusals, nothing lost, and it goes on by itself."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest

from pos_backend.local.account import LauncherError
from tests.concurrency.racing import wait_until
from tests.faults.harness import Database, Tills, a_database, a_shop, compared, selling, watched
from tests.faults.harness.database import fresh_folder
from tests.figures import form, show

ROUNDS = form(1, 5)
SALES = 40
SEGMENTS = 5
CUT_OFF = "server closed the connection unexpectedly"
SIZE = "300m"
REFUSALS = 100
PATIENCE = 60.0
BUSY = (503, "busy")
CHUNK = bytes(1 << 20)


@pytest.mark.long_form
def test_a_full_disk_loses_nothing() -> None:
    """Data, WAL and logs lie on it. What a supervisor does is done here: PostgreSQL is started when it has ended."""
    again, panics = list[float](), 0
    with (
        _small_disk() as disk,
        a_database(disk) as database,
        a_shop(database) as shop,
        _supervised(database) as restarts,
    ):
        with watched(database), selling(shop) as tills:
            for _ in range(ROUNDS):
                tills.sell(SALES)
                with _filled(disk):
                    _refused(tills)
                    panics += _out_of_wal(database)
                again.append(tills.served_again())
                tills.sell(SALES)
        figures = compared(tills, database)
        figures.assert_nothing_lost()
        shop.assert_books_agree()
    answers = tills.answers()
    assert panics
    told = {code for status, code in answers if status >= 500}
    assert told == {"busy"}, answers
    show(
        "F11",
        "disk of data, WAL and logs full under 32 tills",
        f"{ROUNDS:,} times, {figures.acknowledged:,} sales acknowledged, {answers[BUSY]:,} refused with 503 `busy`",
        f"{figures.told()}; sells again {max(again):.1f} s at most after there is room "
        f"(PostgreSQL panicked {panics:,} times and had to be started {len(restarts):,} times)",
    )


def _refused(tills: Tills) -> None:
    """Until the tills have heard `busy` often, and for a while nothing else."""
    before = tills.answers()[BUSY]
    wait_until(lambda: tills.answers()[BUSY] >= before + REFUSALS, PATIENCE)


def _out_of_wal(database: Database) -> int:
    """What was set aside for the WAL is used up, too: PostgreSQL panics, and may not recover before there is room.

    How often it was heard to.
    """
    panics = 0
    for _ in range(SEGMENTS):
        try:
            database.rows(
                "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 16000000)), pg_switch_wal()"
            )
        except psycopg2.Error as error:
            panics += error.pgcode is None and CUT_OFF in str(error)
    return panics


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A file system of its own in memory. Only root may mount one."""
    folder = fresh_folder()
    folder.mkdir()
    options = f"size={SIZE},mode=0711"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """Not one byte is free, whatever PostgreSQL gives back meanwhile."""
    over, filler = threading.Event(), disk / "filler"

    def fill() -> None:
        with filler.open("ab", buffering=0) as file:
            chunk = CHUNK
            while not over.is_set():
                try:
                    file.write(chunk)
                except OSError:
                    chunk = chunk[: len(chunk) // 2] or b"\0"
                    if len(chunk) == 1:
                        over.wait(0.01)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        filler.unlink()


@contextmanager
def _supervised(database: Database) -> Iterator[list[float]]:
    """Starts PostgreSQL again when it has ended, as systemd would; when that was."""
    over, restarts = threading.Event(), list[float]()

    def supervise() -> None:
        while not over.wait(0.2):
            if not database.server.is_running():
                restarts.append(time.monotonic())
                with suppress(LauncherError, OSError):
                    database.start()

    thread = threading.Thread(target=supervise, daemon=True)
    thread.start()
    try:
        yield restarts
    finally:
        over.set()
        thread.join()
