"""One who takes all he can get does not keep the others from their work (S20)."""

import select
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests

from apps.users.models import AuthToken, User
from conftest import make_user
from tests.concurrency.shop import put_on_shelf
from tests.figures import form, show
from tests.security.serving import Customer, Server, fronted, meanwhile, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long_form]
ROUNDS = form(10, 100)
SLOW = 200


@pytest.fixture(scope="module")
def bare(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn alone."""
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def server(bare: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop as it stands in production: nginx in front."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx here")
    with fronted(bare, tmp_path_factory.mktemp("nginx")) as front:
        yield front


@pytest.fixture
def customer(transactional_db: None) -> Customer:
    return Customer("", make_user("otieno"), put_on_shelf(stock=100_000).pk)


@pytest.fixture
def till(server: Server, customer: Customer) -> Customer:
    customer.address = server.address
    customer.work(3)
    return customer


def slow_senders(port: int, head: bytes) -> Callable[[threading.Event], None]:
    """200 connections that begin a request and go on by a byte every second."""

    def attack(stop: threading.Event) -> None:
        lines = []
        for _ in range(SLOW):
            line = socket.create_connection(("127.0.0.1", port), timeout=5)
            line.sendall(head)
            lines.append(line)
        while not stop.wait(1):
            for line in lines:
                with suppress(OSError):
                    line.sendall(b"x")
        for line in lines:
            line.close()

    return attack


def compare(
    till: Customer, server: Server, attack: Callable[[threading.Event], None], threads: int = 1
) -> str:
    """The tills' waiting, without and with the attack; all are served."""
    quiet = till.work(ROUNDS)
    with meanwhile(attack, threads):
        time.sleep(2)
        loud = till.work(ROUNDS)
    assert set(till.statuses) <= {200, 201}, server.log.read_text()[-2000:]
    return f"all served, p95 {quiet * 1000:.0f} -> {loud * 1000:.0f} ms ({loud / quiet:.1f} x)"


HEADERS = b"GET /api/products/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODIES = (
    b"POST /api/auth/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{"
)


@pytest.mark.parametrize(("what", "head"), [("headers", HEADERS), ("bodies", BODIES)])
def test_slow_senders(till: Customer, server: Server, what: str, head: bytes) -> None:
    result = compare(till, server, slow_senders(server.port, head))
    show("S20", f"{SLOW} connections with slow {what}", f"{2 * ROUNDS} requests beside them", result)


def test_a_body_of_a_gigabyte(till: Customer, server: Server, bare: Server) -> None:
    """Refused by its announced length, and by its real one where none is announced; nobody keeps it."""
    refused: list[int] = []

    def attack(stop: threading.Event) -> None:
        while not stop.is_set():
            if (answer := _send_gigabyte(server.port, stop)) is not None:
                refused.append(answer)

    before = bare.memory()
    result = compare(till, server, attack, threads=4)
    assert set(refused) == {b"HTTP/1.1 413"}
    assert bare.memory() - before < 100_000_000
    head = f"POST /api/auth/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**9}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(head)
        assert b" 413 " in line.recv(100)
    show("S20", "bodies of 1 GB, announced and not", "4 at a time", f"413, no memory kept; {result}")


def _send_gigabyte(port: int, stop: threading.Event) -> bytes | None:
    """The answer to an unannounced gigabyte; None where the test ended first.

    It comes in the middle of the sending. nginx then reads on for a while before it hangs up, so whoever only waits for
    a failed write hears of it late, or, where the line is reset, never.
    """
    head = b"POST /api/auth/login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        with suppress(ConnectionError):
            line.sendall(head)
            for _ in range(1_000):
                if stop.is_set():
                    return None
                line.sendall(piece)
                if select.select([line], [], [], 0)[0]:
                    break
        return line.recv(12)


# What makes a database or a pattern matcher work hard, if anything does.
BOMBS = [
    "%" * 5_000,
    "_" * 5_000,
    "a%" * 2_000,
    "(a+)+$" * 500,
    "\\" * 3_000,
    "a " * 3_000,
    "'" * 3_000,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
    "&|!():*<->" * 300,
]


def _busy(server: Server, user: User, paths: list[str]) -> Callable[[threading.Event], None]:
    """Asks for one after the other; what is wrong with the answers is kept in `flaws`."""
    _, token = AuthToken.objects.create(user, stamp=user.credential_stamp())

    def attack(stop: threading.Event) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Token {token}"
            while not stop.is_set():
                for path in paths:
                    if stop.is_set():
                        return
                    answer = session.get(f"{server.address}{path}", timeout=60)
                    FLAWS.extend([f"{answer.status_code} {path[:80]}"] if answer.status_code >= 500 else [])
                    ASKED.append(path)

    return attack


FLAWS: list[str] = []
ASKED: list[str] = []


@pytest.fixture
def clean() -> None:
    FLAWS.clear()
    ASKED.clear()


def test_searches_and_pages_that_are_meant_to_hurt(till: Customer, server: Server, clean: None) -> None:
    quoted = [requests.utils.quote(text) for text in BOMBS]
    lists = ["/api/products/?search=", "/api/sales/sales/?search="]
    paths = [f"{start}{text}" for start in lists for text in quoted]
    paths += [f"/api/products/?page={page}&page_size=200" for page in (10**3, 10**6, 10**9, "9" * 30)]
    paths += ["/api/sales/sales/?cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OQ%3D%3D&page_size=200"]
    result = compare(till, server, _busy(server, till.user, paths), threads=4)
    assert FLAWS == []
    show("S20", "searches and deep pages meant to hurt", f"{len(ASKED)} by 4 clients", result)


def test_exports_without_end(till: Customer, server: Server, clean: None) -> None:
    paths = [
        f"/api/reports/{name}/?period=year&export={kind}"
        for name in ("sales", "inventory")
        for kind in ("csv", "xlsx")
    ]
    result = compare(till, server, _busy(server, make_user("amina", "admin"), paths), threads=4)
    assert FLAWS == []
    show("S20", "exports without end", f"{len(ASKED)} files by 4 clients", result)


def test_control_gunicorn_alone_waits_for_slow_headers(bare: Server) -> None:
    """Why nginx has to stand in front; the day this fails it need not any more."""
    waits: list[float] = []
    with meanwhile(slow_senders(bare.port, HEADERS)):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and max(waits, default=0) < 3:
            began = time.monotonic()
            with suppress(requests.Timeout):
                requests.get(f"{bare.address}/healthz/", timeout=3)
            waits.append(time.monotonic() - began)
    assert max(waits) >= 3
    show(
        "S20",
        f"control: {SLOW} slow headers without nginx",
        f"{len(waits)} requests",
        "one not served in 3 s",
    )
