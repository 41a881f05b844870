"""More clients than the database lets in: who cannot be served is told when to come back, and nothing breaks."""

import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from django.db import connection

from apps.sales.models import Sale
from apps.users.models import User
from pos_backend.local.postgres import PROJECT
from pos_backend.local.web import KEPT, health
from tests.concurrency.racing import wait_until
from tests.concurrency.shop import PRICE, SALES, basket, put_on_shelf, stock_of
from tests.faults.processes import Device
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree
from tests.servers import database_url, free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long_form]
CLIENTS = form(60, 300)
EACH = form(2, 5)
WORKERS, THREADS = 2, 16
LET_IN = 6
PATIENCE = 60.0
ROLE = "crowd"


@contextmanager
def a_role_of_few_connections(let_in: int) -> Iterator[str]:
    """The address of the tests' database for somebody who may connect `let_in` times."""
    password = secrets.token_hex(16)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT {let_in} PASSWORD '{password}'")
        for things in ("TABLES", "SEQUENCES"):
            cursor.execute(f"GRANT ALL ON ALL {things} IN SCHEMA public TO {ROLE}")
    try:
        yield database_url(f"{ROLE}:{password}")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


@contextmanager
def a_server(database: str, log: Path) -> Iterator[str]:
    """gunicorn with more threads than connections."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "pos_backend.wsgi:application", "--preload"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--worker-class", "gthread"]
    command += ["--threads", str(THREADS), *KEPT, "--no-control-socket", "--log-level", "error"]
    env = {**os.environ, "DATABASE_URL": database, "PGAPPNAME": "house", "POS_ENV": "development"}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=PROJECT, env=env, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: health("127.0.0.1", port) == 200 or server.poll() is not None, PATIENCE)
        assert server.poll() is None, log.read_text()
        yield address
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _told(answer: requests.Response) -> tuple[int, str, str | None]:
    """The status; the code and when to come back, of a refusal."""
    if answer.ok:
        return answer.status_code, "", None
    return answer.status_code, answer.json().get("code"), answer.headers.get("Retry-After")


def _crowd(address: str, cashier: User, body: object) -> Counter[tuple[int, str, str | None]]:
    """What so many clients are told who all sell at once."""
    till = Device(address, cashier)

    def buy(_: int) -> list[tuple[int, str, str | None]]:
        with requests.Session() as session:
            session.headers.update(till.session.headers)
            answers = [session.post(address + SALES, json=body, timeout=PATIENCE) for _ in range(EACH)]
        return [_told(answer) for answer in answers]

    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(outcome for several in clients.map(buy, range(CLIENTS)) for outcome in several)


def _seconds_until_sold(till: Device, body: object) -> float:
    began = time.monotonic()
    wait_until(lambda: till.post(SALES, body).status_code == 201, PATIENCE)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "let_in", [LET_IN, WORKERS * THREADS], ids=["fewer than threads", "one for each thread"]
)
def test_a_crowd_is_served_or_told_when_to_come_back(cashier: User, tmp_path: Path, let_in: int) -> None:
    milk = put_on_shelf(stock=100_000)
    body = basket(milk, amount_paid=PRICE)
    with a_role_of_few_connections(let_in) as database, a_server(database, tmp_path / "log") as address:
        told = _crowd(address, cashier, body)
        recovered = _seconds_until_sold(Device(address, cashier), body)

    served, refused = told.pop((201, "", None)), told.pop((503, "busy", "1"), 0)
    assert told == {}
    assert served + refused == CLIENTS * EACH
    assert refused > 0 or let_in > LET_IN, "nobody was refused: this shows nothing"
    # One more was sold when all had gone.
    assert Sale.objects.filter(status="completed").count() == served + 1
    assert stock_of(milk) == 100_000 - served - 1
    assert_ledgers_agree()
    extent = f"{CLIENTS} clients x {EACH} sales, {WORKERS * THREADS} threads, {let_in} connections"
    result = (
        f"{served:,} sold, {refused:,} x 503 with Retry-After, 0 x 500; sells again after {recovered:.2f} s"
    )
    show("C19", "more clients than connections", extent, result)
