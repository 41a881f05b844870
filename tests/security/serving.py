"""The web server as `make run` starts it, in processes of its own on the database of the tests."""

import os
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import requests
from django.db import connection

from apps.users.models import AuthToken, User
from pos_backend.local.postgres import PROJECT
from pos_backend.local.web import web_server
from tests.concurrency.racing import wait_until

PATIENCE = 30.0


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> int:
        """Resident bytes of the server and its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(_resident(pid) for pid in [str(self.process.pid), *children])


def _resident(pid: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, workers: int = 2) -> Iterator[Server]:
    port = _free_port()
    options: Any = SimpleNamespace(bind=f"127.0.0.1:{port}", workers=workers, waiters=16, access_log=False)
    here = urlsplit(os.environ["DATABASE_URL"])
    env = {
        **os.environ,
        "DATABASE_URL": here._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "POS_ENV": "development",
    }
    log = folder / "server.log"
    with log.open("ab") as output:
        command = web_server(options).command
        process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=output, stderr=output)
    try:
        wait_until(lambda: _answers(port) or process.poll() is not None, PATIENCE)
        assert process.poll() is None, log.read_text()
        yield Server(port, process, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def fronted(server: Server, folder: Path) -> Iterator[Server]:
    """nginx in front of it, with the file that docs/ has, but for names, ports, certificates and folders."""
    port, file = _free_port(), folder / "nginx.conf"
    text = (PROJECT / "docs" / "nginx.conf").read_text()
    for found, put in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("listen 80;", f"listen 127.0.0.1:{_free_port()};"),
        ("server_name shop.example;", "server_name _;"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{server.port};"),
        ("/var/log/nginx/", f"{folder}/"),
        ("/run/nginx.pid", f"{folder}/nginx.pid"),
        (
            "http {\n",
            f"http {{\n    client_body_temp_path {folder}/body;\n    proxy_temp_path {folder}/proxy;\n",
        ),
    ):
        assert found in text
        text = text.replace(found, put)
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("ssl_")]
    file.write_text("\n".join(kept))
    folder.chmod(0o755)
    log = folder / "error.log"
    command = ["nginx", "-p", str(folder), "-c", str(file), "-e", str(log), "-g", "daemon off; user root;"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port) or process.poll() is not None, PATIENCE)
        assert process.poll() is None, log.read_text()
        yield Server(port, server.process, server.log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _answers(port: int) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/healthz/", timeout=2).status_code == 200
    return False


@dataclass
class Customer:
    """An honest till that goes on working; how long it waited for each answer."""

    address: str
    user: User
    product: int
    waits: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def work(self, rounds: int) -> float:
        """So many products looked up and sold; the 95th percentile of the waiting, in seconds."""
        _, token = AuthToken.objects.create(self.user, stamp=self.user.credential_stamp())
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Token {token}"
        waits = []
        for _ in range(rounds):
            for send in (
                lambda: session.get(f"{self.address}/api/products/{self.product}/", timeout=PATIENCE),
                lambda: session.post(
                    f"{self.address}/api/sales/sales/",
                    json={"items": [{"product": self.product, "quantity": 1}]},
                    timeout=PATIENCE,
                ),
            ):
                began = time.monotonic()
                self.statuses.append(send().status_code)
                waits.append(time.monotonic() - began)
        self.waits += waits
        return statistics.quantiles(waits, n=20)[-1]


@contextmanager
def meanwhile(attack: Any, threads: int = 1) -> Iterator[threading.Event]:
    """`attack(stop)` in threads until the block ends."""
    stop = threading.Event()
    running = [threading.Thread(target=attack, args=(stop,), daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in running:
            thread.join(PATIENCE)
