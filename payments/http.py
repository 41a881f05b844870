"""The one HTTP client of the gateways.

Every call has a connection of its own: a kept one may be closed by the other side just while it is written to, and
nobody could tell whether the request arrived. TLS is verified, redirects are not followed, the answer is bounded in
size and time. What was surely not sent is tried once more; nothing else is.
"""

import json
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from payments.errors import NotSent, OutcomeUnknown
from payments.redaction import blank_text

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3.05
READ_SECONDS = 8.0
TOTAL_SECONDS = 15.0
MAX_ANSWER_BYTES = 256 * 1024
_ID = re.compile(r"/(?=[^/]*\d)[^/]{16,}")
# Raised before a byte of the request could have been written. Other TLS errors may come while reading the answer.
_NOT_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer that was read to its end."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; empty for anything else (HTML of a proxy, nothing at all)."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """Seconds named in `Retry-After`, at most an hour."""
        text = self.headers.get("retry-after", "")
        return min(int(text), 3600) if re.fullmatch(r"[0-9]{1,9}", text) else None


class HttpClient:
    """Calls to the gateway at `base_url`; `label` names it in sentences."""

    def __init__(self, base_url: str, label: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.label = label

    def get(self, path: str, headers: Mapping[str, str], query: Mapping[str, str] | None = None) -> Answer:
        return self._send("GET", path, headers, None, query)

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends exactly these bytes, because some gateways want them signed."""
        return self._send("POST", path, {"Content-Type": "application/json", **headers}, body, None)

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        query: Mapping[str, str] | None,
    ) -> Answer:
        exchange = partial(self._exchange, method, path, headers, body, query)
        try:
            return self._send_once(method, path, exchange)
        except NotSent:
            return self._send_once(method, path, exchange)

    def _send_once(self, method: str, path: str, exchange: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        outcome: object = "no answer"
        try:
            answer = _within(TOTAL_SECONDS, exchange)
            outcome = answer.status
            return answer
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            outcome = type(error).__name__
            raise self._meaning(error) from None
        finally:
            # A path may end with an id or a token; the body is never logged.
            place = blank_text(_ID.sub("/***", path))
            logger.info(
                "%s %s %s: %s in %.2f s", self.label, method, place, outcome, time.monotonic() - began
            )

    def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        query: Mapping[str, str] | None,
    ) -> Answer:
        with requests.Session() as session:
            # No .netrc (it would replace our Authorization) and no settings of the person who started the process.
            session.trust_env = False
            with session.request(
                method,
                self.base_url + path,
                headers={"Accept": "application/json", "Connection": "close", **headers},
                data=body,
                params=query,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(
                    response.status_code,
                    self._read(response),
                    {name.lower(): value for name, value in response.headers.items()},
                )

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        # One read of the socket at a time, so that a dripping answer does not hold us for each of its bytes.
        while chunk := response.raw.read1(8192, decode_content=True):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise requests.exceptions.ContentDecodingError("too large")
        return bytes(body)

    def _meaning(self, error: Exception) -> NotSent | OutcomeUnknown:
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
            return NotSent(f"The address of {self.label} in the settings is not valid.")
        if _not_sent(error):
            host = urlsplit(self.base_url).hostname or "its address"
            return NotSent(f"{self.label} cannot be reached ({host}). Try again, or take another method.")
        return OutcomeUnknown(f"{self.label} gave no clear answer. Its outcome is being found out.")


def _within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """The result of `call`, or `TimeoutError`.

    The time-outs of a socket count from byte to byte; only another thread can watch the whole.
    """
    results: list[Answer] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # handed to the caller below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="gateway-call")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def _not_sent(error: BaseException) -> bool:
    """Whether the connection could not even be made: looks through the layers of the libraries."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    seen: BaseException | None = error
    for _ in range(5):
        if isinstance(seen, _NOT_SENT):
            return True
        inner = seen.args[0] if seen and seen.args else None
        seen = getattr(seen, "reason", None) or (inner if isinstance(inner, BaseException) else None)
        if not isinstance(seen, BaseException):
            return False
    return False
