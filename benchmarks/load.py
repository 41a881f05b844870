"""Sends the tills to work and takes the time, the server's and the database's processor time included."""

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import psutil

from benchmarks.client import Connection, Job, Request, Result, packed
from benchmarks.cpu import cpu_seconds
from benchmarks.scenarios import Scenario
from benchmarks.server import Server
from benchmarks.stopping import STOP
from pos_backend.local.account import LauncherError
from pos_backend.local.children import end_process
from pos_backend.local.postgres import PROJECT

WARM_UP_SECONDS = 1.5
UNLIMITED = 10**9
# Beyond its time a till waits for its last answer.
PATIENCE = 60.0
KILL = ((signal.SIGKILL, 10.0),)


@dataclass(frozen=True)
class Load:
    """How much, and for how long: whichever of `seconds` and `requests` is reached first."""

    seconds: float
    requests: int


@dataclass(frozen=True)
class Used:
    """Seconds of processor time: gunicorn's, 0 where it has no part; the database's, None where it cannot be seen."""

    server: float
    database: float | None

    def since(self, before: "Used") -> "Used":
        database = None
        if self.database is not None and before.database is not None:
            database = self.database - before.database
        return Used(self.server - before.server, database)


@dataclass(frozen=True)
class Measurement:
    """One line of the table. Times in seconds."""

    name: str
    latencies: Sequence[float]
    elapsed: float
    used: Used
    client_cpu: float
    connections: int
    repeated: int

    @property
    def requests(self) -> int:
        return len(self.latencies)


def together(name: str, parts: Sequence[Measurement]) -> Measurement:
    """Several rounds as one line."""
    used = [part.used.database for part in parts if part.used.database is not None]
    return Measurement(
        name=name,
        latencies=[latency for part in parts for latency in part.latencies],
        elapsed=sum(part.elapsed for part in parts),
        used=Used(sum(part.used.server for part in parts), sum(used) if used else None),
        client_cpu=sum(part.client_cpu for part in parts),
        connections=sum(part.connections for part in parts),
        repeated=sum(part.repeated for part in parts),
    )


class Bench:
    """One line of the table: a scenario and the server that answers it."""

    def __init__(
        self,
        scenario: Scenario,
        server: Server,
        database: psutil.Process | None,
        requests: Sequence[Sequence[Request]],
    ) -> None:
        """`requests` has what each till sends in turn."""
        self.scenario = scenario
        self.server = server
        self.database = database
        self.requests = requests
        self.answered = 0

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def completes_sales(self) -> bool:
        """One for each request that was answered."""
        return self.scenario.sells

    def warm_up(self) -> None:
        """Threads, database connections and caches as on any working day."""
        self._probe()
        self.measure(Load(WARM_UP_SECONDS, UNLIMITED))

    def _probe(self) -> None:
        """One request whose answer is read, so that we do not measure how fast nonsense is answered."""
        key = secrets.token_hex(8) if self.scenario.sells else ""
        connection = Connection(self.server.port)
        try:
            answer = connection.ask(packed(self.requests[0][0], key))
        except OSError as error:
            raise LauncherError(f"{self.scenario.name}: no answer: {error}") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300 or not self.scenario.is_right(json.loads(answer.body)):
            raise LauncherError(f"{self.scenario.name}: {answer.status} {answer.body[:500].decode()}")
        self.answered += 1

    def measure(self, load: Load) -> Measurement:
        """Raises `LauncherError` when any answer is no success."""
        with _tills(self._jobs(load)) as tills:
            before = self._used()
            results = _let_work(tills, load.seconds)
            used = self._used().since(before)
        failures = [result.failure for result in results if result.failure]
        if failures:
            raise LauncherError(
                f"{self.scenario.name}: {len(failures)} tills failed, first with {failures[0]}"
            )
        measured = _measurement(self.scenario.name, results, used)
        self.answered += measured.requests
        return measured

    def _jobs(self, load: Load) -> list[Job]:
        run, tills = secrets.token_hex(4), len(self.requests)
        return [
            Job(
                port=self.server.port,
                seconds=load.seconds,
                limit=(load.requests + tills - 1 - number) // tills,
                requests=requests,
                key=f"{run}-{number}" if self.scenario.sells else "",
            )
            for number, requests in enumerate(self.requests)
        ]

    def _used(self) -> Used:
        database = cpu_seconds(self.database) if self.database else None
        return Used(cpu_seconds(self.server.process), database)


@contextmanager
def _tills(jobs: Sequence[Job]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A process for each job, ready to begin; all of them are gone afterwards."""
    tills: list[subprocess.Popen[bytes]] = []
    try:
        for job in jobs:
            with STOP.held():
                tills.append(_open_till())
            _tell(tills[-1], json.dumps(asdict(job)))
        for till in tills:
            if _hear(till) != b"ready\n":
                raise LauncherError("A till did not start. See its messages above.")
        yield tills
    finally:
        for till in tills:
            end_process(till, KILL)


def _open_till() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.client"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A Ctrl-C in the terminal is for us; we end the tills.
        start_new_session=True,
    )


def _tell(till: subprocess.Popen[bytes], line: str) -> None:
    if till.stdin:
        till.stdin.write(f"{line}\n".encode())
        till.stdin.flush()


def _hear(till: subprocess.Popen[bytes]) -> bytes:
    return till.stdout.readline() if till.stdout else b""


def _let_work(tills: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[Result]:
    for till in tills:
        _tell(till, "go")
    results = []
    for till in tills:
        try:
            output, _ = till.communicate(timeout=seconds + PATIENCE)
        except subprocess.TimeoutExpired:
            raise LauncherError("A till did not come to an end.") from None
        results.append(Result(**json.loads(output)) if output else Result(failure="the till crashed"))
    return results


def _measurement(name: str, results: Sequence[Result], used: Used) -> Measurement:
    return Measurement(
        name=name,
        latencies=[latency for result in results for latency in result.latencies],
        elapsed=max(result.ended for result in results) - min(result.began for result in results),
        used=used,
        client_cpu=sum(result.cpu_seconds for result in results),
        connections=sum(result.connections for result in results),
        repeated=sum(result.repeated for result in results),
    )
