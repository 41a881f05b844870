"""PostgreSQL alone: pgbench plays the statements of the shop, and no Python has a part in it."""

import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg2.extensions import parse_dsn

from benchmarks.cpu import cpu_seconds
from benchmarks.load import UNLIMITED, WARM_UP_SECONDS, Load, Measurement, Used
from pos_backend.local.account import LauncherError
from pos_backend.local.cluster import find_programs
from pos_backend.local.postgres import PROJECT

# pgbench ends after a time or after a number of transactions; from this number on, the time is meant.
MANY = 1_000_000
SCRIPTS = 50  # of each kind, with different products; pgbench takes at most 128
NAMES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def find_pgbench() -> str | None:
    """The one beside the embedded server, or one of the system."""
    try:
        own = find_programs().folder / "bin" / "pgbench"
    except LauncherError:
        own = None
    if own and own.is_file():
        return str(own)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    return shutil.which("pgbench") or (str(installed[-1]) if installed else None)


def write_scripts(folder: Path, env: Mapping[str, str]) -> None:
    """`lookup*.sql` and `checkout*.sql`, captured in the database of this environment."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.capture", str(folder), str(SCRIPTS)]
    if subprocess.run(command, cwd=PROJECT, env=dict(env)).returncode:
        raise LauncherError("The statements could not be written down. See the messages above.")


@dataclass
class PgBench:
    """One line of the table: these scripts, drawn at random."""

    name: str
    program: str
    scripts: list[Path]
    url: str
    database: psutil.Process | None
    clients: int

    def warm_up(self) -> None:
        self.measure(Load(WARM_UP_SECONDS, UNLIMITED))

    def measure(self, load: Load) -> Measurement:
        """Raises `LauncherError` when a statement fails."""
        log = self.scripts[0].parent / "log"
        before = self._used()
        done = subprocess.run(self._command(load, log), env=self._env(), capture_output=True, text=True)
        used = self._used().since(before)
        rate = _RATE.search(done.stdout)
        if done.returncode or rate is None:
            raise LauncherError(f"{self.name}: {done.stderr.strip()[:1000]}")
        latencies = _read(log)
        return Measurement(self.name, latencies, len(latencies) / float(rate[1]), used, 0.0, 0, 0)

    def _command(self, load: Load, log: Path) -> list[str]:
        command = [self.program, "--no-vacuum", f"--client={self.clients}", "--log", f"--log-prefix={log}"]
        if load.requests < MANY:
            command.append(f"--transactions={math.ceil(load.requests / self.clients)}")
        else:
            command.append(f"--time={math.ceil(load.seconds)}")
        return command + [f"--file={script}" for script in self.scripts]

    def _env(self) -> dict[str, str]:
        """Not on the command line, which anyone on this machine can read: the address may hold a password."""
        parts = parse_dsn(self.url)
        return {**os.environ, **{NAMES[part]: value for part, value in parts.items() if part in NAMES}}

    def _used(self) -> Used:
        return Used(0.0, cpu_seconds(self.database) if self.database else None)


def _read(log: Path) -> list[float]:
    """Seconds of each transaction; pgbench writes microseconds in the third column."""
    latencies = []
    for path in log.parent.glob(f"{log.name}.*"):
        with path.open() as lines:
            latencies += [int(line.split()[2]) / 1e6 for line in lines]
        path.unlink()
    return latencies
