"""What goes in and out of the simulator's server: requests, replies, and the table of addresses."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from payments.simulator.world import World

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """An answer. `dropped` closes the connection without a word, as a broken line does."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    dropped: bool = False


class Refusal(Exception):
    """The request ends here, with this answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class NotJson(ValueError):
    """The body is no JSON object."""


@dataclass(frozen=True)
class Request:
    """A request as it came. Header names are lower case; the query's first value of each name counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The JSON object of the body. Raises `NotJson`."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            raise NotJson("The body is not valid JSON.") from None
        if not isinstance(document, dict):
            raise NotJson("The body is not a JSON object.")
        return document

    def bearer(self) -> str:
        """The token of `Authorization: Bearer ...`, or nothing."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


Handler = Callable[["World", Request, Mapping[str, str]], Reply]


@dataclass(frozen=True)
class Route:
    """`path` is a pattern with `<name>` for one part of the address."""

    method: str
    path: str
    handler: Handler

    def match(self, path: str) -> dict[str, str] | None:
        pattern = re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


def json_reply(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, compact(document), JSON, headers or {})


def html_reply(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, text.encode(), HTML, headers or {})


def compact(document: Any) -> bytes:
    """The bytes that go over the wire."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def find(routes: Sequence[Route], request: Request) -> tuple[Route | None, dict[str, str], bool]:
    """The route of a request, the parts of its address, and whether the address exists with another method."""
    known = False
    for route in routes:
        parts = route.match(request.path)
        if parts is None:
            continue
        if route.method == request.method:
            return route, parts, True
        known = True
    return None, {}, known


DROPPED = Reply(dropped=True)
BAD_GATEWAY = html_reply(
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>",
    502,
)
UNAVAILABLE = html_reply(
    "<html><head><title>503 Service Temporarily Unavailable</title></head><body>...</body></html>", 503
)
