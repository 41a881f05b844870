"""The HTTP client against a small server of its own, and that server, which other tests use as well."""

import contextlib
import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from payments import http
from payments.errors import NotSent, OutcomeUnknown
from payments.http import HttpClient


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered; `misbehave` is given the handler instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    misbehave: Callable[[BaseHTTPRequestHandler], None] | None = None


def reply(status: int, document: Any, **headers: str) -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


HTML_502 = reply(502, b"<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")


def dropped(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


DROP = Reply(misbehave=dropped)


class Stub:
    """Answers each path from its own script; the last answer stays."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.scripts: dict[str, list[Reply | Callable[[Request], Reply]]] = {}

    def on(self, path: str, *replies: Reply | Callable[[Request], Reply]) -> None:
        self.scripts[path] = list(replies)

    def to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def next_reply(self, request: Request) -> Reply:
        self.requests.append(request)
        script = self.scripts.get(request.path, [reply(404, b"<html>no such page</html>")])
        chosen = script.pop(0) if len(script) > 1 else script[0]
        return chosen(request) if callable(chosen) else chosen


class _Handler(BaseHTTPRequestHandler):
    stub: Stub

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        chosen = self.stub.next_reply(request)
        if chosen.misbehave:
            chosen.misbehave(self)
            return
        self.send_response(chosen.status)
        for name, value in {"content-length": str(len(chosen.body)), **chosen.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(chosen.body)

    do_GET = do_POST = _answer

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[Stub]:
    """A stub at an address of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    stub = Stub(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"stub": stub})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts how often a request was really tried."""
    tried: list[str] = []
    exchange = HttpClient._exchange

    def counted(self: HttpClient, *args: Any) -> Any:
        tried.append(args[1])
        return exchange(self, *args)

    monkeypatch.setattr(HttpClient, "_exchange", counted)
    return tried


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def client(server: Stub) -> HttpClient:
    return HttpClient(server.url + "/", "The gateway")


def test_sends_exactly_the_bytes_it_is_given(server: Stub) -> None:
    server.on("/pay", reply(201, {"ok": True}, retry_after="7"))
    body = '{"a": 1 , "é":"ü"}'.encode()
    answer = client(server).post("/pay", {"X-Country": "KE"}, body)
    [request] = server.requests
    assert (request.method, request.body, request.headers["x-country"]) == ("POST", body, "KE")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["connection"] == "close"
    assert (answer.status, answer.document, answer.retry_after) == (201, {"ok": True}, 7.0)


def test_query_of_a_get(server: Stub) -> None:
    server.on("/list", reply(200, []))
    answer = client(server).get("/list", {}, {"from": "2026-03-01T00:00:00.000Z", "page": "1"})
    assert server.requests[0].query == {"from": "2026-03-01T00:00:00.000Z", "page": "1"}
    assert answer.document == {}  # a list is no object


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_retry_after_that_is_no_number(text: str) -> None:
    assert http.Answer(429, b"", {"retry-after": text}).retry_after is None


def test_retry_after_is_bounded() -> None:
    assert http.Answer(429, b"", {"retry-after": "999999999"}).retry_after == 3600.0


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000, b"1" * 5000, b'"text"'])
def test_what_is_no_object_is_an_empty_document(body: bytes) -> None:
    assert http.Answer(200, body, {}).document == {}


def test_refused_connection_was_not_sent_and_is_tried_twice(attempts: list[str]) -> None:
    gateway = HttpClient(f"http://127.0.0.1:{free_port()}", "The gateway")
    with pytest.raises(NotSent, match="cannot be reached"):
        gateway.post("/pay", {}, b"{}")
    assert len(attempts) == 2


def test_unknown_host_was_not_sent(attempts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_host(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    with pytest.raises(NotSent):
        HttpClient("http://gateway.invalid", "The gateway").post("/pay", {}, b"{}")
    assert len(attempts) == 2


def test_second_try_may_succeed(server: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("/pay", reply(200, {"ok": True}))
    gateway = client(server)
    once = gateway._send_once
    calls: list[int] = []

    def fails_first(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise NotSent("not now")
        return once(*args)

    monkeypatch.setattr(gateway, "_send_once", fails_first)
    assert gateway.post("/pay", {}, b"{}").document == {"ok": True}
    assert len(server.requests) == 1


def test_dropped_connection_leaves_the_outcome_open_and_is_not_tried_again(server: Stub) -> None:
    server.on("/pay", DROP)
    with pytest.raises(OutcomeUnknown):
        client(server).post("/pay", {}, b"{}")
    assert len(server.requests) == 1


def test_silence_leaves_the_outcome_open(server: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.2)
    server.on("/pay", Reply(misbehave=lambda handler: time.sleep(0.6)))
    with pytest.raises(OutcomeUnknown):
        client(server).post("/pay", {}, b"{}")
    assert len(server.requests) == 1


def test_dripping_answer_is_cut_off(server: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(40):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.05)

    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.4)
    server.on("/pay", Reply(misbehave=drip))
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        client(server).post("/pay", {}, b"{}")
    assert time.monotonic() - began < 1.5
    assert len(server.requests) == 1


def test_oversized_answer_is_not_read(server: Stub) -> None:
    server.on("/pay", reply(200, b" " * (http.MAX_ANSWER_BYTES + 1)))
    with pytest.raises(OutcomeUnknown):
        client(server).post("/pay", {}, b"{}")
    assert len(server.requests) == 1


def test_answer_that_unpacks_to_too_much_is_not_read(server: Stub) -> None:
    server.on("/pay", reply(200, gzip.compress(b" " * 5_000_000), content_encoding="gzip"))
    with pytest.raises(OutcomeUnknown):
        client(server).post("/pay", {}, b"{}")


def test_packed_answer_is_unpacked(server: Stub) -> None:
    server.on("/pay", reply(200, gzip.compress(b'{"ok": true}'), content_encoding="gzip"))
    assert client(server).post("/pay", {}, b"{}").document == {"ok": True}


def test_answer_that_breaks_off_is_never_taken_for_a_whole_one(server: Stub) -> None:
    server.on("/pay", reply(200, b'{"status": "TS"}', content_length="100"))
    with pytest.raises(OutcomeUnknown):
        client(server).post("/pay", {}, b"{}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_an_answer_and_not_followed(server: Stub, status: int) -> None:
    server.on("/pay", reply(status, b"", location=f"{server.url}/elsewhere"))
    assert client(server).post("/pay", {"Authorization": "Bearer abc"}, b"{}").status == status
    assert [request.path for request in server.requests] == ["/pay"]


@pytest.mark.parametrize("address", ["nonsense", "http://", "http://[::1"])
def test_bad_address_was_not_sent(address: str) -> None:
    with pytest.raises(NotSent):
        HttpClient(address, "The gateway").get("/pay", {})


def test_proxy_and_netrc_of_the_process_are_ignored(
    server: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    server.on("/pay", reply(200, {}))
    client(server).get("/pay", {"Authorization": "Bearer ours"})
    assert server.requests[0].headers["authorization"] == "Bearer ours"


def test_log_names_neither_ids_nor_secrets(server: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="payments")
    path = "/standard/v1/payments/5f0d2f0c6c1e4a5b8a6d000000000123"
    server.on(path, reply(200, {}))
    client(server).post(path, {"Authorization": "Bearer very-secret-token"}, b'{"msisdn":"733123456"}')
    assert "The gateway POST /standard/v1/payments/***: 200" in caplog.text
    for secret in ("5f0d2f0c", "very-secret-token", "733123456"):
        assert secret not in caplog.text


def test_certificate_of_a_stranger_is_refused_before_anything_is_sent(tmp_path: Any) -> None:
    arrived: list[bytes] = []
    with _tls_server(tmp_path, arrived) as url, pytest.raises(NotSent):
        HttpClient(url, "The gateway").post("/pay", {}, b"{}")
    assert arrived == []


@contextlib.contextmanager
def _tls_server(folder: Any, arrived: list[bytes]) -> Iterator[str]:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(folder))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as wrapped:
                    arrived.append(wrapped.recv(1000))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _self_signed(folder: Any) -> str:
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return str(path)
