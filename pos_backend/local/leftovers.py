"""One shop per data folder, and tidying up after one that was killed.

`run.json` names the processes of the running shop. A process is only ever ended when both its number
and its time of creation match, so a number that was given to another program since is left alone.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from pos_backend.local.account import LauncherError
from pos_backend.local.children import Child, Steps
from pos_backend.local.postgres import LOCK_FILES, STOP_STEPS, server_pid

SAME_SECONDS = 1.0  # the clock may have been set a little since


class RunState:
    """`<data>/run.json`."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.path = data_dir / "run.json"
        self.port = port

    def write(self, children: Sequence[Child]) -> None:
        content = {
            "supervisor": {**_identity(os.getpid()), "port": self.port},
            "children": [_record(child) for child in children],
        }
        fresh = self.path.with_name("run.json.new")
        fresh.write_text(json.dumps(content, indent=2))
        fresh.replace(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(data_dir: Path, port: int) -> Iterator[None]:
    """Hold the data folder; the lock goes away with this process however it ends."""
    with (data_dir / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            supervisor = read_state(data_dir).get("supervisor", {})
            known = supervisor if _same_process(supervisor) else {}
            raise LauncherError(running_sentence(known, port)) from None
        yield


def running_sentence(supervisor: dict[str, Any], port: int) -> str:
    pid, its_port = supervisor.get("pid"), supervisor.get("port")
    advice = f"or start a second shop beside it: POS_DATA_DIR=.pos-2 PORT={port + 1} make run"
    if pid is None:
        return f"This shop is just being started by another process. Wait for it, {advice}"
    stop = f"Stop it first (Ctrl-C in its terminal, or kill {pid}), {advice}"
    if its_port == port:
        return f"Port {port} is already in use by this shop itself, running as process {pid}. {stop}"
    return f"This shop is already running as process {pid} on port {its_port}. {stop}"


def read_state(data_dir: Path) -> dict[str, Any]:
    """What the file says; nothing when it is missing, unfinished or not ours."""
    try:
        state = json.loads((data_dir / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return state if _is_ours(state) else {}


def _is_ours(state: object) -> bool:
    return (
        isinstance(state, dict)
        and isinstance(state.get("supervisor"), dict)
        and isinstance(state.get("children"), list)
    )


def stop_leftovers(data_dir: Path) -> list[str]:
    """End what a killed supervisor left running; returns what was ended."""
    stopped = []
    for record in reversed(read_state(data_dir).get("children", [])):
        process = _same_process(record)
        if process and _end(process, _steps(record)):
            stopped.append(f"{record['name']} (process {process.pid})")
    if pid := stop_left_over_server(data_dir):
        stopped.append(f"PostgreSQL (process {pid})")
    return stopped


def stop_left_over_server(data_dir: Path) -> int | None:
    """End the server that still runs on this folder although nobody looks after it."""
    pid = server_pid(data_dir)
    if pid is None:
        return None
    cluster = data_dir / "postgres"
    with contextlib.suppress(psutil.AccessDenied, PermissionError):
        serves = _serves(pid, cluster)
        if serves and not _end(psutil.Process(pid), STOP_STEPS):
            return None
        # PostgreSQL would refuse to start because of any other process that got this number.
        for name in LOCK_FILES:
            (cluster / name).unlink(missing_ok=True)
        return pid if serves else None
    return None


def _serves(pid: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and Path(process.cwd()) == cluster.resolve()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def _identity(pid: int) -> dict[str, Any]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    return {"pid": pid, "created": 0.0}


def _record(child: Child) -> dict[str, Any]:
    steps = [[number.name, seconds] for number, seconds in child.stop_steps]
    return {"name": child.name, **_identity(child.process.pid), "stop": steps}


def _same_process(record: dict[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["created"]) <= SAME_SECONDS
        same = same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return None
    return process if same else None


def _steps(record: dict[str, Any]) -> Steps:
    return [(signal.Signals[name], seconds) for name, seconds in record["stop"]]


def _end(process: psutil.Process, steps: Steps) -> bool:
    for number, seconds in steps:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        if _wait_for_end(process, seconds):
            return True
    return False


def _wait_for_end(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # Without an init that reaps, an ended process stays visible for ever.
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
