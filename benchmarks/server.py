"""gunicorn as `make run` starts it, with the settings of production."""

import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.stopping import STOP
from pos_backend.local.account import LauncherError
from pos_backend.local.children import Child, Program, start_program
from pos_backend.local.options import read_options
from pos_backend.local.postgres import PROJECT
from pos_backend.local.web import web_server

SHOP = "pos_backend.wsgi:application"
BIND = "127.0.0.1:0"  # stands for the port that is chosen when it starts
START_SECONDS = 30.0
# For messages only: nobody listens where a question would go.
MPESA: Mapping[str, str] = {
    "MPESA_BASE_URL": "http://127.0.0.1:9",
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "passkey",
}


@dataclass(frozen=True)
class Server:
    port: int
    process: psutil.Process


def production(url: str, folder: Path) -> dict[str, str]:
    """Production on plain HTTP: a proxy in front would take the certificates' work, and measure itself."""
    static = folder / "static"
    static.mkdir(parents=True)
    return {
        "POS_ENV": "production",
        "DEBUG": "false",
        "SECURE_SSL_REDIRECT": "false",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_BASE_URL": "https://shop.example",
        "CORS_ALLOWED_ORIGINS": "https://shop.example",
        "DATABASE_URL": url,
        "DATABASE_REPLICA_URL": "",
        "POS_DATA_DIR": str(folder),
        "STATIC_ROOT": str(static),
        "DJANGO_SETTINGS_MODULE": "pos_backend.settings",
    }


@contextmanager
def serving(application: str, env: Mapping[str, str]) -> Iterator[Server]:
    """gunicorn with this application until the block ends."""
    with serving_program(program(application), env) as server:
        yield server


@contextmanager
def serving_program(gunicorn: Program, env: Mapping[str, str]) -> Iterator[Server]:
    """This one until the block ends, at a port of its own."""
    port = _free_port()
    command = tuple(f"127.0.0.1:{port}" if part == BIND else part for part in gunicorn.command)
    child: Child | None = None
    try:
        with STOP.held():
            child = start_program(replace(gunicorn, command=command), PROJECT, env)
        _wait_until_open(child, port)
        yield Server(port, psutil.Process(child.process.pid))
    finally:
        if child:
            child.stop()


def program(application: str) -> Program:
    """As `make run` starts it; `serving_program` gives it its port."""
    options = replace(read_options(PROJECT), host="127.0.0.1", port=0, access_log=False)
    usual = web_server(options)
    return replace(usual, command=tuple(application if part == SHOP else part for part in usual.command))


def shape() -> str:
    """Worker class, workers and threads, as the command line of `make run` has them."""
    command = program(SHOP).command
    value = {name: command[index + 1] for index, name in enumerate(command[:-1])}
    return f"{value['--workers']} workers ({value['--worker-class']}) with {value['--threads']} threads each"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(child: Child, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_open(port):
        if child.ended() is not None or time.monotonic() > deadline:
            raise LauncherError("gunicorn did not start. See its messages above.")
        time.sleep(0.1)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
