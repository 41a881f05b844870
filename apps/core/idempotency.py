"""`Idempotency-Key`: one effect per key, and the first answer again, byte for byte.

The key's row is inserted first, in the transaction that does the work. A second request with the key waits on
that row's unique index until the first has ended and then replays what it stored; when the first rolled back,
nothing is left and the second does the work.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import psycopg2
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Busy, DomainError, InvalidRequest
from apps.core.models import IdempotencyKey

Handler = Callable[..., Response]
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

CLAIM = """
    INSERT INTO core_idempotencykey (user_id, path, key, fingerprint, created_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (user_id, path, key) DO NOTHING RETURNING id
"""


class KeyReused(DomainError):
    status = 422
    code = "idempotency_key_reused"


class InProgress(DomainError):
    code = "idempotency_in_progress"


def idempotent(handler: Handler) -> Callable[..., HttpResponseBase]:
    """Opens the transaction of a writing view method and, with a key, makes the request repeatable.

    Errors that are raised roll everything back, the key included: they left nothing behind, so the same key
    may try again.
    """

    @wraps(handler)
    def door(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key")
        body = request.data  # unreadable ones are refused here, even by views that need none
        if key is None:
            with transaction.atomic():
                return handler(view, request, *args, **kwargs)
        _check_key(key)
        fingerprint = _fingerprint(request.method, body)
        with transaction.atomic():
            claimed = _claim(request, key, fingerprint)
            if claimed is None:
                return _replay(request, key, fingerprint)
            return _store(claimed, handler(view, request, *args, **kwargs))

    return door


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
            cursor.execute(CLAIM, [request.user.pk, request.path, key, fingerprint, timezone.now()])
            row = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
            raise InProgress(
                "The first request with this key is still running. Ask again in a moment.",
                headers={"Retry-After": "1"},
            ) from error
        raise
    return None if row is None else int(row[0])


def _replay(request: Request, key: str, fingerprint: str) -> HttpResponse:
    row = IdempotencyKey.objects.filter(user_id=int(request.user.pk or 0), path=request.path, key=key).first()
    if row is None or row.status is None or row.body is None:
        raise Busy
    if row.fingerprint != fingerprint:
        raise KeyReused(
            "This Idempotency-Key was used for another request. Make a new key for a new request."
        )
    return _answer(bytes(row.body), row.status, replayed=True)


def _store(row_id: int, response: Response) -> HttpResponse:
    body = JSONRenderer().render(response.data)
    IdempotencyKey.objects.filter(pk=row_id).update(status=response.status_code, body=body)
    return _answer(body, response.status_code, replayed=False)


def _answer(body: bytes, status: int, *, replayed: bool) -> HttpResponse:
    response = HttpResponse(body, status=status, content_type="application/json")
    if replayed:
        response["Idempotent-Replayed"] = "true"
    return response


def sweep_keys() -> int:
    """Deletes the keys older than `IDEMPOTENCY_KEEP_HOURS` (at least 24); returns how many."""
    kept = timedelta(hours=max(24, settings.IDEMPOTENCY_KEEP_HOURS))
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - kept).delete()[0]
