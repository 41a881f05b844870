"""A PostgreSQL server of our own, reached through a socket in the data folder and never by network."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from pos_backend.local.account import (
    Account,
    LauncherError,
    closed_folder,
    require_reachable_data,
    require_reachable_programs,
    server_account,
)
from pos_backend.local.children import Child, end_process
from pos_backend.local.cluster import SUPERUSER, ensure_cluster, find_programs, last_lines, spawn
from pos_backend.local.data_folder import prepare_data_folder

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_DATABASE = "pos"
PORT = 5432
SOCKET_DIR_LINE = 4  # of postmaster.pid, counted from 0
LOCK_FILES = (f".s.PGSQL.{PORT}.lock", "postmaster.pid")
# The operating system's limit for a socket's path is 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 103
START_SECONDS = 60.0  # a crash recovery may take long
# PostgreSQL's own settings: what was confirmed survives a power cut.
SAFE: Mapping[str, str] = MappingProxyType({})
# What it says while the last queries of a killed predecessor are still being given up.
STILL_ENDING = b"pre-existing shared memory block"
STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


def embedded_url(data_dir: Path, database: str = DEFAULT_DATABASE) -> str:
    """The address of the server that keeps its data in this folder, whether it runs or not."""
    return _url(running_socket_dir(data_dir) or data_dir / "postgres", database)


def running_socket_dir(data_dir: Path) -> Path | None:
    """The folder with the socket of the server that runs on this data folder now."""
    lines = _pid_file(data_dir)
    if len(lines) <= SOCKET_DIR_LINE or not lines[0].isdigit() or not _lives(int(lines[0])):
        return None
    return Path(lines[SOCKET_DIR_LINE])


def server_pid(data_dir: Path) -> int | None:
    """The process that the data folder names as its server; it may have ended without tidying up."""
    lines = _pid_file(data_dir)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _pid_file(data_dir: Path) -> list[str]:
    try:
        return os.fsdecode((data_dir / "postgres" / LOCK_FILES[-1]).read_bytes()).splitlines()
    except OSError:
        return []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _url(socket_dir: Path, database: str) -> str:
    # The port is spelt out because PGPORT in the environment would change it otherwise.
    return f"postgresql://{SUPERUSER}@{quote(os.fsencode(socket_dir), safe='')}:{PORT}/{database}"


class EmbeddedPostgres:
    """The server for one data folder."""

    def __init__(self, data_dir: Path, project: Path = PROJECT) -> None:
        self.data_dir = data_dir.absolute()
        self.project = project
        self.folder = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self.socket_dir = self.folder
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DEFAULT_DATABASE) -> str:
        return _url(self.socket_dir, database)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def prepare(self) -> Account | None:
        """Check everything that can be checked, then make the data folder."""
        programs = find_programs()
        account = server_account(self.folder, self.project)
        if account:
            require_reachable_programs(programs.needed_files(), self.project, account)
            require_reachable_data(self.data_dir, account)
        prepare_data_folder(self.data_dir, account)
        return account

    def start(self, settings: Mapping[str, str] = SAFE, check: Callable[[], None] = lambda: None) -> None:
        """Start and wait until it answers; `check` is called meanwhile and may raise to give up."""
        account = self.prepare()
        ensure_cluster(self.folder, find_programs(), account, safe=settings.get("fsync") != "off")
        check()
        try:
            self._launch(account, settings)
            self._wait(lambda: self._launch(account, settings), check)
            self._ensure_database(DEFAULT_DATABASE)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self.process is not None:
            end_process(self.process, STOP_STEPS)
        self.process = None
        if self.socket_dir != self.folder:
            shutil.rmtree(self.socket_dir, ignore_errors=True)
            self.socket_dir = self.folder

    def child(self) -> Child:
        """The server as one of a supervisor's children."""
        if self.process is None:
            raise LauncherError("The embedded PostgreSQL is not running.")
        return Child("PostgreSQL", self.process, STOP_STEPS)

    def _launch(self, account: Account | None, settings: Mapping[str, str]) -> None:
        self.socket_dir = _socket_dir(self.folder, account)
        quoted = str(self.socket_dir).replace('"', '""')
        chosen = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "logging_collector": "off",
            **settings,
        }
        command = [str(find_programs().postgres), "-D", str(self.folder)]
        for name, value in chosen.items():
            command += ["-c", f"{name}={value}"]
        self.log.touch(mode=0o600)  # failed statements are logged with what they held
        with self.log.open("wb") as output:
            self.process = spawn(command, account, output)

    def _wait(self, launch: Callable[[], None], check: Callable[[], None]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            check()
            in_time = time.monotonic() < deadline
            if not self.is_running() and in_time and STILL_ENDING in self.log.read_bytes():
                time.sleep(0.5)
                launch()
            elif not self.is_running() or not in_time:
                raise LauncherError(f"PostgreSQL did not start. Its last messages:\n{self._log_tail()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return self.is_running()

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(host=str(self.socket_dir), port=PORT, user=SUPERUSER, dbname="postgres")

    def _ensure_database(self, name: str) -> None:
        with contextlib.closing(self._connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _log_tail(self) -> str:
        return f"{last_lines(self.log.read_bytes())}\n(all of them: {self.log})"


def _socket_dir(folder: Path, account: Account | None) -> Path:
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    # A comma would be read as a list of servers.
    if len(path) <= LONGEST_SOCKET_PATH and b"," not in path:
        return folder
    parent = Path(tempfile.gettempdir())
    if account and closed_folder(parent / "pos", account):
        parent = Path("/tmp")  # noqa: S108 - the folder made in it gets a random name and is closed
    short = Path(tempfile.mkdtemp(prefix="pos-", dir=parent))
    if account:
        os.chown(short, account.uid, account.gid)
    return short
