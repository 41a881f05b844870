"""A gateway that misbehaves: signs everybody in as it should, and answers everything else as it is told."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Behave = Callable[["Stub", socket.socket], None]
TOKEN = json.dumps({"access_token": "stub-token", "expires_in": "3599"}).encode()
LARGE = b'{"a":"' + b"x" * 1_000_000 + b'"}'


@dataclass
class Stub:
    """`paths` are the requests that were read to their end, except those for a token."""

    listener: socket.socket
    behave: Behave = lambda stub, line: None
    paths: list[str] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
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
        data += line.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += line.recv(65536)
    return head.split(b" ")[1].decode()


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
    "wrong types": says(200, json.dumps(WRONG_TYPES).encode()),
    "a list": says(200, b"[]"),
    "500": says(500, b""),
    "502": says(502, b"<html>Bad Gateway</html>", "text/html"),
    "cut short": lambda stub, line: line.sendall(_http(200, b"{" + b" " * 100)[:-50]),
    "not http": lambda stub, line: line.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
}


@contextmanager
def a_stub() -> Iterator[Stub]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stub = Stub(listener)
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
