"""A shop of several processes: gunicorn with its workers, a payments worker, the simulated gateways."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from payments.simulator import Simulator, running
from pos_backend.local.postgres import PROJECT
from pos_backend.local.web import health
from tests.concurrency.racing import wait_until
from tests.faults.harness.database import Database, filled
from tests.servers import beside, free_port

PATIENCE = 60.0
WORKERS = 4
THREADS = 8
PROMOTION_SECONDS = 2.0


@dataclass
class Shop:
    """`filled` names products and tokens (tests/faults/filling.py). Logs lie in `folder`."""

    database: Database
    simulator: Simulator
    port: int
    env: Mapping[str, str]
    folder: Path
    filled: Mapping[str, Any]
    web: psutil.Process | None = None
    _running: list[psutil.Process] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the web server and its workers have said."""
        return (self.folder / "web.log").read_text(errors="replace")

    def open(self, workers: int = WORKERS, **env: str) -> None:
        """Starts gunicorn and waits until it serves; a new worker is a copy, so it is there at once."""
        # Not `python -m gunicorn`, which cannot start itself again.
        command = [str(Path(sys.executable).with_name("gunicorn")), "pos_backend.wsgi:application"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--workers", str(workers)]
        command += ["--worker-class", "gthread", "--threads", str(THREADS), "--no-control-socket"]
        # Longer than anybody waits for an outcome (`?wait=25`).
        command += ["--graceful-timeout", "30", "--timeout", "30", "--log-level", "warning"]
        self.web = self._start("web.log", [*command, "--preload"], env)
        wait_until(lambda: health("127.0.0.1", self.port) == 200 or self._ended(), PATIENCE)
        assert not self._ended(), self.log

    def shut(self) -> None:
        """Ends gunicorn as a supervisor does."""
        assert self.web
        self.web.terminate()
        self.web.wait(PATIENCE)
        self.web = None

    def renew(self) -> None:
        """A rolling restart: USR2 has a second gunicorn load what is new; when it serves, the first one finishes.

        Workers are copies of a master that has loaded everything, so they serve as soon as they are there.
        """
        old, workers = self.web, len(self.web_workers())
        assert old
        old.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(_living_children(_successor(old))) == workers, PATIENCE)
        self.web = _successor(old)
        assert self.web
        self._running.append(self.web)
        old.terminate()
        old.wait(PATIENCE)
        # Until it has noticed that it is alone it would not take another USR2.
        time.sleep(PROMOTION_SECONDS)

    def web_workers(self) -> list[psutil.Process]:
        """The processes that serve at this moment."""
        return _living_children(self.web)

    def kill_a_worker(self, choice: random.Random) -> int:
        """SIGKILL for one of those who serve; who it was."""
        worker = choice.choice(self.web_workers())
        worker.kill()
        return int(worker.pid)

    def payments_worker(self, **env: str) -> psutil.Process:
        """`manage.py payments_worker`, one more."""
        return self._start("worker.log", [sys.executable, "manage.py", "payments_worker"], env)

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of `manage.py` on this shop's database."""
        words = [sys.executable, "manage.py", *command]
        return subprocess.run(
            words, cwd=PROJECT, env=self.env, capture_output=True, text=True, check=False, timeout=300
        )

    def assert_books_agree(self) -> None:
        told = self.manage("check_ledger")
        assert told.returncode == 0, told.stdout + told.stderr

    def close(self) -> None:
        """At once: what is left over is nobody's any more."""
        for process in self._running:
            _kill(process)

    def _ended(self) -> bool:
        return self.web is None or not _lives(self.web)

    def _start(self, log: str, command: list[str], env: Mapping[str, str]) -> psutil.Process:
        with (self.folder / log).open("ab") as output:
            process = psutil.Popen(
                command,
                cwd=PROJECT,
                env={**self.env, **env},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append(process)
        return process


@contextmanager
def a_shop(database: Database, workers: int = WORKERS, speed: float = 40.0, **env: str) -> Iterator[Shop]:
    """Open for business on `database`; the gateways live `speed` times as fast. No payments worker yet."""
    with running(speed=speed) as simulator:
        port = free_port()
        folder = database.server.data_dir / "logs"
        folder.mkdir(exist_ok=True)
        told = {
            **os.environ,
            **beside(simulator, f"http://127.0.0.1:{port}"),
            "DATABASE_URL": database.url,
            "PAYMENT_STEP_HOOK": "",
            **env,
        }
        shop = Shop(database, simulator, port, told, folder, filled())
        try:
            shop.open(workers)
            yield shop
        finally:
            shop.close()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _living_children(process: psutil.Process | None) -> list[psutil.Process]:
    try:
        return [child for child in process.children() if _lives(child)] if process else []
    except psutil.NoSuchProcess:  # what loads libraries has children for a moment
        return []


def _successor(master: psutil.Process) -> psutil.Process | None:
    """The master's child that has children itself."""
    return next((child for child in _living_children(master) if _living_children(child)), None)


def _kill(process: psutil.Process) -> None:
    if _lives(process):
        family = [process, *process.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, 10)
