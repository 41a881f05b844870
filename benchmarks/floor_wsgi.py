"""The first floor: an application that does nothing, so gunicorn and the network alone."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"id": 1, "name": "Milk 1", "price": "116.00"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", list(HEADERS))
    return [BODY]
