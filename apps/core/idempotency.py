"""`Idempotency-Key`: one effect per key, and the first answer again, byte for byte.

The key's row is inserted first, in the transaction that does the work. A second request with the key waits on
that row's unique index until the first has ended and then replays what it stored; when the first rolled back,
nothing is left and the second does the work.

Where something outside is called, the view answers `Later`: the first half commits with the key's row, the rest runs
with no transaction open, and its answer is stored whatever it is. When the process dies in between, the key stays
without an answer, and after `STALE` the same request resumes what was begun.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, wraps
from typing import Any

import psycopg2
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import clock
from apps.core.error_handler import exception_handler
from apps.core.errors import DomainError, InvalidRequest
from apps.core.models import IdempotencyKey
from apps.core.rendering import to_json


@dataclass(frozen=True)
class Later:
    """The first half is done; `finish` calls outside and answers. `reference` is enough to finish it later."""

    reference: str
    finish: Callable[[], Response]


Handler = Callable[..., Response | Later]
Resume = Callable[[str], Response]
# Longer than any call to a gateway may take, so that nobody is at it any more.
STALE = timedelta(seconds=45)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

CLAIM = """
    INSERT INTO core_idempotencykey (user_id, path, key, fingerprint, created_at)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id, path, key) DO NOTHING RETURNING id
"""
ANSWER = "UPDATE core_idempotencykey SET status = %s, body = %s WHERE id = %s AND status IS NULL"


class KeyReused(DomainError):
    status = 422
    code = "idempotency_key_reused"


class InProgress(DomainError):
    code = "idempotency_in_progress"


def idempotent(handler: Handler, *, resume: Resume | None = None) -> Callable[..., HttpResponseBase]:
    """Opens the transaction of a writing view method and, with a key, makes the request repeatable.

    Errors that are raised roll everything back, the key included: they left nothing behind, so the same key
    may try again. `resume` finishes what a `Later` of this method began and a crash left behind.
    """

    @wraps(handler)
    def door(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key")
        body = request.data  # unreadable ones are refused here, even by views that need none
        if key is None:
            with transaction.atomic():
                first = handler(view, request, *args, **kwargs)
            return first if isinstance(first, Response) else first.finish()
        _check_key(key)
        fingerprint = _fingerprint(request.method, body)
        with transaction.atomic():
            claimed = _claim(request, key, fingerprint)
            then: Callable[[], HttpResponse]
            if claimed is None:
                then = partial(_replay, _earlier(request, key, fingerprint), resume)
            else:
                answer = handler(view, request, *args, **kwargs)
                if isinstance(answer, Response):
                    return _store(claimed, answer)
                IdempotencyKey.objects.filter(pk=claimed).update(resume=answer.reference)
                then = partial(_finish, claimed, answer.finish)
        return then()

    return door


def resumable(resume: Resume) -> Callable[[Handler], Callable[..., HttpResponseBase]]:
    """`idempotent` for a method that may answer `Later`."""
    return partial(idempotent, resume=resume)


def _finish(row_id: int, finish: Callable[[], Response]) -> HttpResponse:
    """The second half. Its refusals left something behind (a payment that failed), so they are the answer."""
    try:
        response = finish()
    except DomainError as error:
        refused = exception_handler(error, {})
        if refused is None:
            raise
        response = refused
    stored = _store(row_id, response)
    for name, value in response.headers.items():
        if name == "Retry-After":
            stored[name] = value
    return stored


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.")


def _fingerprint(method: str | None, body: Any) -> str:
    """The meaning of the body: the order of its keys and its white space do not count."""
    canonical = json.dumps(body, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(f"{method} {canonical}".encode()).hexdigest()


def _claim(request: Request, key: str, fingerprint: str) -> int | None:
    """The id of the new row, or None when the key has been answered before."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [request.user.pk, request.path, key, fingerprint, clock.now()])
            row = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
            raise _in_progress() from error
        raise
    return None if row is None else int(row[0])


def _earlier(request: Request, key: str, fingerprint: str) -> IdempotencyKey:
    """The row of the first request with this key; raises `KeyReused` when that was another request."""
    row = IdempotencyKey.objects.filter(user_id=int(request.user.pk or 0), path=request.path, key=key).first()
    if row is None:  # swept away at this very moment
        raise _in_progress()
    if row.fingerprint != fingerprint:
        raise KeyReused(
            "This Idempotency-Key was used for another request. Make a new key for a new request."
        )
    return row


def _replay(row: IdempotencyKey, resume: Resume | None) -> HttpResponse:
    if row.status is not None and row.body is not None:
        return _answer(bytes(row.body), row.status, replayed=True)
    if resume is None or clock.now() - row.created_at < STALE:
        raise _in_progress()
    reference = row.resume
    return _finish(row.pk, lambda: resume(reference))


def _in_progress() -> InProgress:
    return InProgress(
        "The first request with this key is still running. Ask again in a moment.",
        headers={"Retry-After": "1"},
    )


def _store(row_id: int, response: Response) -> HttpResponse:
    """Keeps the first answer to this key, and gives that one, should somebody have been faster."""
    body = to_json(response.data)
    with connection.cursor() as cursor:
        cursor.execute(ANSWER, [response.status_code, body, row_id])
        stored = cursor.rowcount == 1
    if stored:
        return _answer(body, response.status_code, replayed=False)
    first = IdempotencyKey.objects.filter(pk=row_id).first()
    if first is None or first.status is None:  # swept away meanwhile
        return _answer(body, response.status_code, replayed=False)
    return _answer(bytes(first.body or b""), first.status, replayed=True)


def _answer(body: bytes, status: int, *, replayed: bool) -> HttpResponse:
    response = HttpResponse(body, status=status, content_type="application/json")
    if replayed:
        response["Idempotent-Replayed"] = "true"
    return response


def sweep_keys() -> int:
    """Deletes the keys older than `IDEMPOTENCY_KEEP_HOURS` (at least 24); returns how many."""
    kept = timedelta(hours=max(24, settings.IDEMPOTENCY_KEEP_HOURS))
    return IdempotencyKey.objects.filter(created_at__lt=clock.now() - kept).delete()[0]
