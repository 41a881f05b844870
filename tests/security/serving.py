"""The web server as `make run` starts it, in processes of its own on the database of the tests."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import requests

from apps.users.models import AuthToken, User
from pos_backend.local.postgres import PROJECT
from pos_backend.local.web import health, web_server
from tests.concurrency.racing import wait_until
from tests.servers import database_url, free_port

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
        master = psutil.Process(self.process.pid)
        return sum(process.memory_info().rss for process in (master, *master.children()))


@contextmanager
def serving(folder: Path, workers: int = 2) -> Iterator[Server]:
    port = free_port()
    options: Any = SimpleNamespace(bind=f"127.0.0.1:{port}", workers=workers, waiters=16, access_log=False)
    env = {**os.environ, "DATABASE_URL": database_url(), "POS_ENV": "development"}
    log = folder / "server.log"
    with log.open("ab") as output:
        command = web_server(options).command
        process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=output, stderr=output)
    try:
        wait_until(lambda: health("127.0.0.1", port) == 200 or process.poll() is not None, PATIENCE)
        assert process.poll() is None, log.read_text()
        yield Server(port, process, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def fronted(server: Server, folder: Path) -> Iterator[Server]:
    """nginx in front of it, with the file that docs/ has, but for names, ports, certificates and folders."""
    port, file = free_port(), folder / "nginx.conf"
    text = (PROJECT / "docs" / "nginx.conf").read_text()
    for found, put in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
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
        wait_until(lambda: health("127.0.0.1", port) == 200 or process.poll() is not None, PATIENCE)
        assert process.poll() is None, log.read_text()
        yield Server(port, server.process, server.log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


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
