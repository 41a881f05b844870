"""One till: a process that sends prepared requests, each as soon as the last one is answered.

No HTTP library and no other import of weight: on a small machine the tills must not take the processor away
from the server that they measure. A job comes as one line of JSON, the till answers `ready`, waits for another
line, works, and prints its `Result` as JSON.
"""

import json
import re
import resource
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle

ANSWER_SECONDS = 30.0
CHUNK = 65_536
SHOWN_BYTES = 500
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)")


@dataclass(frozen=True)
class Request:
    """The head without its closing empty line, and the body."""

    head: str
    body: str = ""


@dataclass(frozen=True)
class Job:
    """What one till does: the requests in turn, until the time is over or `limit` of them are answered.

    With `key` each carries an Idempotency-Key of its own that begins with it.
    """

    port: int
    seconds: float
    limit: int
    requests: Sequence[Request]
    key: str = ""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    stays_open: bool


@dataclass
class Result:
    """What happened at one till; moments are of the monotonic clock, which all processes share."""

    latencies: list[float] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0
    cpu_seconds: float = 0.0
    connections: int = 0
    repeated: int = 0
    failure: str = ""


class Connection:
    """One connection at a time, kept open as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.opened = 0
        self.repeated = 0
        self.socket: socket.socket | None = None

    def ask(self, request: bytes) -> Answer:
        if self.socket is None:
            return self._ask_anew(request)
        try:
            return self._exchange(self.socket, request)
        except ConnectionError:
            # A server may close a kept connection just as we write. What is sent here may be sent twice: a
            # read changes nothing and a sale carries its key.
            self.close()
            self.repeated += 1
            return self._ask_anew(request)

    def _ask_anew(self, request: bytes) -> Answer:
        self.socket = socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.opened += 1
        return self._exchange(self.socket, request)

    def _exchange(self, connection: socket.socket, request: bytes) -> Answer:
        connection.sendall(request)
        answer = _receive(connection)
        if not answer.stays_open:
            self.close()
        return answer

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _receive(connection: socket.socket) -> Answer:
    data = _more(connection)
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(connection)
    head = data[:end].lower()
    length = _LENGTH.search(head)
    if length is None:
        raise ConnectionError("an answer without Content-Length")
    whole = end + 4 + int(length[1])
    while len(data) < whole:
        data += _more(connection)
    return Answer(int(head[9:12]), data[end + 4 :], b"\r\nconnection: close" not in head)


def _more(connection: socket.socket) -> bytes:
    if data := connection.recv(CHUNK):
        return data
    raise ConnectionError("the server closed the connection without an answer")


def packed(request: Request, key: str = "") -> bytes:
    """The bytes to send, with the Idempotency-Key if there is one."""
    line = f"Idempotency-Key: {key}\r\n" if key else ""
    return f"{request.head}{line}\r\n{request.body}".encode()


def _endless(job: Job) -> Iterator[bytes]:
    """The requests over and over, no key twice."""
    for number, request in enumerate(cycle(job.requests)):
        yield packed(request, f"{job.key}-{number}" if job.key else "")


def work(job: Job) -> Result:
    """Ends early at the first answer that is no success."""
    result = Result()
    connection = Connection(job.port)
    used = _own_cpu()
    result.began = time.monotonic()
    try:
        _send_all(job, connection, result)
    except (OSError, ValueError) as error:
        result.failure = f"no answer: {error}"
    finally:
        connection.close()
    result.ended = time.monotonic()
    result.cpu_seconds = _own_cpu() - used
    result.connections = connection.opened
    result.repeated = connection.repeated
    return result


def _send_all(job: Job, connection: Connection, result: Result) -> None:
    sent = result.began
    deadline = sent + job.seconds
    for request in _endless(job):
        if sent >= deadline or len(result.latencies) >= job.limit:
            return
        answer = connection.ask(request)
        answered = time.monotonic()
        if not 200 <= answer.status < 300:
            text = answer.body[:SHOWN_BYTES].decode(errors="replace")
            result.failure = f"status {answer.status}: {text}"
            return
        result.latencies.append(answered - sent)
        # The next request begins where the last ended: the till's own work counts as waiting.
        sent = answered


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read_job(line: str) -> Job:
    fields: Mapping[str, object] = json.loads(line)
    requests = [Request(**request) for request in fields["requests"]]  # type: ignore[attr-defined]
    return Job(**{**fields, "requests": requests})  # type: ignore[arg-type]


def main() -> None:
    job = read_job(sys.stdin.readline())
    print("ready", flush=True)
    if sys.stdin.readline():  # the end of the input means that nobody waits for us any more
        print(json.dumps(asdict(work(job))))


if __name__ == "__main__":
    main()
