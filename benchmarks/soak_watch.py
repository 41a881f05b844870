"""What is looked at while the tills work: memory, hot tables, processor time, and the books."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psutil
import psycopg2

from benchmarks.cpu import cpu_seconds
from benchmarks.database import Database
from benchmarks.load import Used
from benchmarks.server import Server
from pos_backend.local.postgres import PROJECT

# Rows of these are updated or deleted again and again, and leave dead ones behind.
HOT = ("sales_receiptcounter", "products_stocklevel", "core_idempotencykey")
STATE = "SELECT relname, n_dead_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables WHERE relname = ANY(%s)"
# Times as long as it ran the checker rests: its share of the machine holds still while the books grow.
REST = 3
LEAST_REST = 2.0


@dataclass(frozen=True)
class Look:
    """One moment: bytes of memory of all gunicorn processes, and of each hot table its dead rows and bytes."""

    at: float
    used: Used
    pss: int
    rss: int
    tables: Mapping[str, tuple[int, int]]


def look(server: Server, database: Database) -> Look:
    stored = cpu_seconds(database.process) if database.process else None
    used = Used(cpu_seconds(server.process), stored)
    pss, rss = _memory(server.process)
    with closing(psycopg2.connect(database.url)) as connection, connection.cursor() as cursor:
        cursor.execute(STATE, [list(HOT)])
        tables = {name: (dead, size) for name, dead, size in cursor.fetchall()}
    return Look(time.monotonic(), used, pss, rss, tables)


def _memory(root: psutil.Process) -> tuple[int, int]:
    """PSS shares what processes have in common, RSS counts it in each; where there is no PSS, it is 0."""
    pss = rss = 0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            found = process.memory_full_info()
            pss += getattr(found, "pss", 0)
            rss += found.rss
    return pss, rss


@dataclass(frozen=True)
class Check:
    """One run of check_ledger: its exit code, and all that it printed."""

    seconds: float
    code: int
    said: str

    @property
    def sentence(self) -> str:
        return (self.said.strip().splitlines() or ["nothing"])[-1]


@dataclass
class Checker:
    """Proves the books again and again."""

    env: Mapping[str, str]
    ended: threading.Event = field(default_factory=threading.Event)
    checks: list[Check] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None

    def work(self) -> None:
        while not self.ended.is_set():
            if check := self.check():
                self.ended.wait(max(LEAST_REST, REST * check.seconds))

    def check(self) -> Check | None:
        """Once; None when it was ended from outside, because the whole run ends."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "check_ledger"],
            cwd=PROJECT,
            env=dict(self.env),
            stdout=subprocess.PIPE,
            # What it says there is how long each rule took.
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        said, errors = self._process.communicate()
        code = self._process.returncode
        if code < 0 and self.ended.is_set():
            return None
        found = Check(time.monotonic() - began, code, said or errors)
        self.checks.append(found)
        return found

    def stop(self) -> None:
        self.ended.set()
        if self._process and self._process.poll() is None:
            self._process.kill()


@contextmanager
def checking(env: Mapping[str, str]) -> Iterator[Checker]:
    """The checker at work until the block ends; what it is just at is given up then."""
    checker = Checker(env)
    thread = threading.Thread(target=checker.work)
    thread.start()
    try:
        yield checker
    finally:
        checker.stop()
        thread.join()
