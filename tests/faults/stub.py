"""A gateway that misbehaves: signs everybody in as it should, and answers everything else as it is told."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

Behave = Callable[["Stub", socket.socket], None]
TOKEN = json.dumps({"access_token": "stub-token", "expires_in": "3599"}).encode()
LARGE = b'{"a":"' + b"x" * 1_000_000 + b'"}'
FLOOD = 50_000_000
BOMB = 64_000_000


@dataclass
class Stub:
    """`paths` are the requests that were read to their end, except those for a token.

    `connections` were accepted, `poured` bytes of a flood were taken off our hands. With `tls` it speaks https.
    """

    listener: socket.socket
    tls: ssl.SSLContext | None = None
    connections: int = 0
    poured: int = 0
    behave: Behave = lambda stub, line: None
    paths: list[str] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            stack.enter_context(line)
            if self.tls:
                line = stack.enter_context(self.tls.wrap_socket(line, server_side=True))
            path = _read(line)
            if "oauth" in path:
                line.sendall(_http(200, TOKEN))
            else:
                self.paths.append(path)
                self.behave(self, line)


def _read(line: socket.socket) -> str:
    """The path of a request, all of which has been read."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(line)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _received(line)
    return head.split(b" ")[1].decode()


def _received(line: socket.socket) -> bytes:
    """Raises `ConnectionError` when the other side has hung up."""
    if data := line.recv(65536):
        return data
    raise ConnectionError


def _http(status: int, body: bytes, content_type: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def says(status: int, body: bytes, content_type: str = "application/json", more: str = "") -> Behave:
    return lambda stub, line: line.sendall(_http(status, body, content_type, more))


def hang(stub: Stub, line: socket.socket) -> None:
    """Says nothing until the test is over."""
    stub.hanging.set()
    stub.released.wait(20)


def drip(stub: Stub, line: socket.socket) -> None:
    """A byte now and then, so that no single wait takes long."""
    for byte in _http(200, b"{" + b" " * 2000 + b"}"):
        line.sendall(bytes([byte]))
        if stub.released.wait(0.02):
            return


def reset(stub: Stub, line: socket.socket) -> None:
    """Breaks the line when the whole request has been read."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def flood(stub: Stub, line: socket.socket) -> None:
    """Fifty megabytes, as long as somebody takes them."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {FLOOD}\r\n\r\n"
    line.sendall(head.encode())
    for _ in range(FLOOD // 65536):
        line.sendall(b" " * 65536)
        stub.poured += 65536


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(BOMB)) + packer.flush()


def explode(stub: Stub, line: socket.socket) -> None:
    """A few kilobytes that unpack to sixty-four megabytes."""
    line.sendall(_http(200, _bomb(), more="Content-Encoding: gzip\r\n"))


WRONG_TYPES = {
    "ResponseCode": ["0"],
    "ResultCode": {"0": "0"},
    "CheckoutRequestID": {"id": 1},
    "ConversationID": [],
    "status": [True],
    "data": {"transaction": [], "authorization_url": 7, "status": {}, "reference": 1.5},
}
BEHAVIOURS: dict[str, Behave] = {
    "hangs": hang,
    "drips": drip,
    "resets": reset,
    "redirects": says(302, b"", more="Location: http://169.254.169.254/latest/\r\n"),
    "html": says(200, b"<html><body>Welcome to the hotel's wireless network</body></html>", "text/html"),
    "empty": says(200, b""),
    "large": says(200, LARGE),
    "floods": flood,
    "gzip bomb": explode,
    "wrong types": says(200, json.dumps(WRONG_TYPES).encode()),
    "a list": says(200, b"[]"),
    "500": says(500, b""),
    "502": says(502, b"<html>Bad Gateway</html>", "text/html"),
    "503": says(503, b""),
    "cut short": lambda stub, line: line.sendall(_http(200, b"{" + b" " * 100)[:-50]),
    "not http": lambda stub, line: line.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
}


# Who wants fewer requests has surely carried out none.
TOO_MANY = says(429, b"", more="Retry-After: 7\r\n")


@contextmanager
def a_stub(tls: ssl.SSLContext | None = None) -> Iterator[Stub]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stub = Stub(listener, tls)
        threading.Thread(target=stub.serve, daemon=True).start()
        try:
            yield stub
        finally:
            stub.released.set()
            listener.shutdown(socket.SHUT_RDWR)


def nobody_there() -> str:
    """An address where every connection is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
