"""Processes of their own on the database of the tests: a server that is reborn when it dies, and workers."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from subprocess import PIPE
from typing import Any

import requests
from django.utils import timezone

from apps.users.models import AuthToken, User
from payments.simulator import Simulator, running
from pos_backend.local.postgres import PROJECT
from pos_backend.local.web import KEPT
from tests.concurrency.racing import ask, wait_until
from tests.faults.killing import HOOK, ORDER, killed
from tests.servers import beside, database_url, free_port

PATIENCE = 30.0
SHOP = "pos_backend.wsgi:application"


@dataclass
class House:
    """What runs beside the test: the simulator in this process, the web server in another, workers when called."""

    simulator: Simulator
    address: str
    env: Mapping[str, str]
    order: Path
    server_log: Path
    workers_log: Path
    born: datetime = field(default_factory=timezone.now)  # the server's present worker, at the latest
    server: subprocess.Popen[bytes] | None = None
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill_at(self, step: str) -> None:
        """From now on: who reaches this step dies of it."""
        killed(self.order).unlink(missing_ok=True)
        self.order.write_text(step)

    def who_died(self, step: str) -> int:
        """The process that reached the step, once it has."""
        wait_until(lambda: killed(self.order).exists() and bool(killed(self.order).read_text()), PATIENCE)
        process, _, reached = killed(self.order).read_text().partition(" ")
        assert reached == step
        return int(process)

    def server_died(self, step: str) -> None:
        """Waits for gunicorn to say that its worker was killed; it makes a fresh one by itself."""
        mourned = f"(pid:{self.who_died(step)}) was sent SIGKILL"
        wait_until(lambda: mourned in self.server_log.read_text(), PATIENCE)
        self.born = timezone.now()

    def worker(self) -> subprocess.Popen[bytes]:
        """`manage.py payments_worker` as it is started beside a server."""
        return self._start([sys.executable, "manage.py", "payments_worker"], {"PAYMENT_STEP_HOOK": ""})

    def work(self) -> None:
        """A fresh worker does what is due, and ends."""
        _, code = self._forked("plain --once")
        assert code == 0, self.workers_log.read_text()

    def worker_died(self, step: str) -> None:
        """A worker that goes round and round until it comes to the step."""
        self.kill_at(step)
        process, code = self._forked("hooked")
        assert code == -signal.SIGKILL, self.workers_log.read_text()
        assert self.who_died(step) == process

    def work_and_die(self, seconds: float) -> None:
        """A worker that is killed after so long, wherever it is."""
        _, code = self._forked(f"doomed:{seconds:.3f}")
        assert code == -signal.SIGKILL, self.workers_log.read_text()

    def close(self) -> None:
        for process in self._running:
            process.terminate()
            process.wait(PATIENCE)

    def _forked(self, order: str) -> tuple[int, int]:
        """The process that was forked, and how it ended."""
        nursery = self._nursery
        assert nursery.stdin
        assert nursery.stdout
        nursery.stdin.write(f"{order}\n".encode())
        nursery.stdin.flush()
        process, code = nursery.stdout.readline().split()
        return int(process), int(code)

    @cached_property
    def _nursery(self) -> subprocess.Popen[bytes]:
        return self._start([sys.executable, "-m", "tests.faults.nursery"], {}, stdin=PIPE, stdout=PIPE)

    def hurried_worker(self) -> subprocess.Popen[bytes]:
        """A payments worker for which time goes faster (tests/faults/hurried.py)."""
        env = {"PAYMENT_STEP_HOOK": "", "PGAPPNAME": "hurried"}
        worker = self._start([sys.executable, "-m", "tests.faults.hurried"], env)
        present = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hurried'"
        wait_until(lambda: ask(present) > 0, PATIENCE)
        return worker

    def freezing_worker(self) -> subprocess.Popen[bytes]:
        """A payments worker that can be made to stand still (tests/faults/freezing.py)."""
        return self._start([sys.executable, "-m", "tests.faults.freezing"], {"PAYMENT_STEP_HOOK": ""})

    def shut(self) -> None:
        """Ends the web server as a supervisor does."""
        assert self.server
        self.server.terminate()
        self.server.wait(PATIENCE)

    def start_server(self, port: int, application: str = SHOP) -> None:
        # The application is loaded before the worker is forked, so that the next one is there at once.
        command = [sys.executable, "-m", "gunicorn", application, "--preload"]
        command += ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread"]
        command += ["--threads", "8", *KEPT, "--no-control-socket"]
        command += ["--graceful-timeout", "5", "--log-level", "error"]
        server = self._start(command, {"PAYMENT_STEP_HOOK": HOOK}, log=self.server_log)
        wait_until(lambda: _is_open(port) or server.poll() is not None, PATIENCE)
        assert server.poll() is None, self.server_log.read_text()
        self.server = server

    def _start(
        self, command: list[str], more: Mapping[str, str], log: Path | None = None, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        with (log or self.workers_log).open("ab") as output:
            pipes = {"stdout": output, **pipes}
            process = subprocess.Popen(command, cwd=PROJECT, env={**self.env, **more}, stderr=output, **pipes)
        self._running.append(process)
        return process


class Device:
    """Somebody signed in at the other process."""

    def __init__(self, address: str, user: User) -> None:
        self.address = address
        _, token = AuthToken.objects.create(user, stamp=user.credential_stamp())
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Token {token}"

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.address + path, timeout=PATIENCE)

    def post(self, path: str, body: Any = None, key: str = "") -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.session.post(self.address + path, json=body or {}, headers=headers, timeout=PATIENCE)


@contextmanager
def a_house(
    folder: Path, application: str = SHOP, speed: float = 40.0, env: Mapping[str, str] | None = None
) -> Iterator[House]:
    """One gunicorn with one worker on the database of the tests, and a simulator that calls it back."""
    with running(speed=speed) as simulator:
        # Chosen when the simulator has its own: the system might hand out the same one twice.
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        house = House(
            simulator,
            address,
            {**_environment(simulator, address, folder / "order"), **(env or {})},
            folder / "order",
            folder / "server.log",
            folder / "workers.log",
        )
        try:
            house.start_server(port, application)
            yield house
        finally:
            house.close()


@contextmanager
def another_server(
    house: House, folder: Path, env: Mapping[str, str], application: str = SHOP
) -> Iterator[House]:
    """One more gunicorn for the same shop, with these settings."""
    port = free_port()
    other = replace(
        house,
        address=f"http://127.0.0.1:{port}",
        env={**house.env, **env},
        server_log=folder / "server.log",
        _running=[],
    )
    try:
        other.start_server(port, application)
        yield other
    finally:
        other.close()


def _environment(simulator: Simulator, address: str, order: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PGAPPNAME": "house",  # known by it among the connections
        **beside(simulator, address),
        "DATABASE_URL": database_url(),
        ORDER: str(order),
    }


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
