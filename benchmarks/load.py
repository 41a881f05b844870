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

from benchmarks.client import Connection, Job, Result, packed
from benchmarks.cpu import cpu_seconds
from benchmarks.scenarios import Item, Scenario
from benchmarks.server import Server
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
    """Seconds of processor time; the database's are None where it cannot be seen."""

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
    server_cpu: float
    database_cpu: float | None
    client_cpu: float
    connections: int

    @property
    def requests(self) -> int:
        return len(self.latencies)


class Bench:
    """Measures scenarios on one server."""

    def __init__(self, server: Server, database: psutil.Process | None, items: Sequence[Item]) -> None:
        self.server = server
        self.database = database
        self.items = items
        self.answered_sales = 0

    def measure(self, scenario: Scenario, tokens: Sequence[str], load: Load) -> Measurement:
        """Raises `LauncherError` at the first answer that is no success."""
        self._probe(scenario, tokens[0])
        self._work(scenario, tokens, Load(WARM_UP_SECONDS, UNLIMITED))
        return self._work(scenario, tokens, load)

    def _probe(self, scenario: Scenario, token: str) -> None:
        """One request whose answer is read, so that we do not measure how fast nonsense is answered."""
        request = scenario.requests(0, self.items, token)[0]
        connection = Connection(self.server.port)
        answer = connection.ask(packed(request, secrets.token_hex(8) if scenario.sells else ""))
        connection.close()
        if not 200 <= answer.status < 300 or not scenario.is_right(json.loads(answer.body)):
            raise LauncherError(f"{scenario.name}: {answer.status} {answer.body[:500].decode()}")
        self.answered_sales += scenario.sells

    def _work(self, scenario: Scenario, tokens: Sequence[str], load: Load) -> Measurement:
        with _tills(self._jobs(scenario, tokens, load)) as tills:
            before = self._used()
            results = _let_work(tills, load.seconds)
            used = self._used().since(before)
        _refuse_failures(scenario, results)
        measured = _measurement(scenario.name, results, used)
        self.answered_sales += measured.requests if scenario.sells else 0
        return measured

    def _jobs(self, scenario: Scenario, tokens: Sequence[str], load: Load) -> list[Job]:
        run, tills = secrets.token_hex(4), len(tokens)
        return [
            Job(
                port=self.server.port,
                seconds=load.seconds,
                limit=(load.requests + tills - 1 - number) // tills,
                requests=scenario.requests(number, self.items, token),
                key=f"{run}-{number}" if scenario.sells else "",
            )
            for number, token in enumerate(tokens)
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


def _refuse_failures(scenario: Scenario, results: Sequence[Result]) -> None:
    failures = [result.failure for result in results if result.failure]
    if failures:
        raise LauncherError(f"{scenario.name} failed at {len(failures)} tills, first with {failures[0]}")


def _measurement(name: str, results: Sequence[Result], used: Used) -> Measurement:
    return Measurement(
        name=name,
        latencies=[latency for result in results for latency in result.latencies],
        elapsed=max(result.ended for result in results) - min(result.began for result in results),
        server_cpu=used.server,
        database_cpu=used.database,
        client_cpu=sum(result.cpu_seconds for result in results),
        connections=sum(result.connections for result in results),
    )
