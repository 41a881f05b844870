"""Every failure becomes the contract's JSON, and tells nothing that it should not."""

from typing import Any

import psycopg2
import pytest
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.models import ProtectedError
from django.http import Http404
from django.utils import timezone
from rest_framework import exceptions

from apps.core.error_handler import exception_handler
from apps.core.errors import Busy, DomainError, InvalidRequest, NotFound
from apps.core.models import IdempotencyKey

SECRET = "Key (customer_phone)=(0712345678) already exists"


def caused(error: Exception, cause: type[Exception]) -> Exception:
    """`error` as Django raises it, on top of the driver's own."""
    error.__cause__ = cause(SECRET)
    return error


TABLE: list[tuple[Exception, int, str]] = [
    (DomainError("No."), 409, "conflict"),
    (NotFound("No."), 404, "not_found"),
    (InvalidRequest("No."), 400, "invalid_request"),
    (Busy(), 503, "busy"),
    (exceptions.ParseError("No."), 400, "malformed_json"),
    (exceptions.NotAuthenticated(), 401, "not_authenticated"),
    (exceptions.AuthenticationFailed(), 401, "invalid_token"),
    (exceptions.PermissionDenied(), 403, "permission_denied"),
    (exceptions.NotFound(), 404, "not_found"),
    (exceptions.MethodNotAllowed("TRACE"), 405, "method_not_allowed"),
    (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
    (exceptions.Throttled(wait=7.5), 429, "throttled"),
    (exceptions.APIException(), 500, "error"),
    (Http404(SECRET), 404, "not_found"),
    (PermissionDenied(SECRET), 403, "permission_denied"),
    (RequestDataTooBig(SECRET), 413, "too_large"),
    (SuspiciousOperation(SECRET), 400, "invalid_request"),
    (DisallowedHost(SECRET), 400, "invalid_request"),
    (ProtectedError(SECRET, set()), 409, "in_use"),
    (caused(IntegrityError(SECRET), psycopg2.errors.UniqueViolation), 409, "already_exists"),
    (caused(IntegrityError(SECRET), psycopg2.errors.ForeignKeyViolation), 409, "in_use"),
    (caused(IntegrityError(SECRET), psycopg2.errors.CheckViolation), 400, "not_allowed"),
    (caused(IntegrityError(SECRET), psycopg2.errors.NotNullViolation), 400, "missing_value"),
    (caused(IntegrityError(SECRET), psycopg2.errors.ExclusionViolation), 409, "conflict"),
    (caused(DataError(SECRET), psycopg2.errors.NumericValueOutOfRange), 400, "not_allowed"),
    (caused(DataError(SECRET), psycopg2.errors.StringDataRightTruncation), 400, "not_allowed"),
    (caused(OperationalError(SECRET), psycopg2.errors.LockNotAvailable), 503, "busy"),
    (caused(OperationalError(SECRET), psycopg2.errors.DeadlockDetected), 503, "busy"),
    (caused(OperationalError(SECRET), psycopg2.errors.QueryCanceled), 503, "busy"),
    (caused(OperationalError(SECRET), psycopg2.errors.SerializationFailure), 503, "busy"),
    (caused(OperationalError(SECRET), psycopg2.errors.TooManyConnections), 503, "busy"),
    (caused(OperationalError(SECRET), psycopg2.errors.AdminShutdown), 503, "busy"),
    (caused(OperationalError(SECRET), psycopg2.OperationalError), 503, "busy"),
    (caused(DatabaseError(SECRET), psycopg2.DatabaseError), 503, "busy"),
    (InterfaceError(SECRET), 503, "busy"),
]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    TABLE,
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_the_table_of_failures(error: Exception, status: int, code: str) -> None:
    answer = exception_handler(error, {})
    assert answer is not None
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert set(answer.data) == {"error", "code"}
    assert answer.data["error"].endswith(".")
    assert "0712345678" not in str(answer.data)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        KeyError("a bug"),
        DatabaseError("Save with update_fields did not affect any rows."),
        caused(ProgrammingError(SECRET), psycopg2.errors.UndefinedColumn),
        caused(InternalError(SECRET), psycopg2.errors.RaiseException),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_is_left_to_django(error: Exception) -> None:
    """Which logs it; hiding it in an answer would hide it from everybody."""
    assert exception_handler(error, {}) is None


def test_the_headers_that_help() -> None:
    throttled = exception_handler(exceptions.Throttled(wait=7.5), {})
    busy = exception_handler(Busy(), {})
    assert throttled is not None
    assert busy is not None
    assert (throttled["Retry-After"], busy["Retry-After"]) == ("8", "1")
    error = exceptions.NotAuthenticated()
    error.auth_header = "Token"  # type: ignore[attr-defined]  # what DRF's views add
    unknown = exception_handler(error, {})
    assert unknown is not None
    assert unknown["WWW-Authenticate"] == "Token"


def test_a_domain_error_carries_what_helps() -> None:
    answer = exception_handler(DomainError("No.", headers={"Retry-After": "3"}, items=[1]), {})
    assert answer is not None
    assert answer.data == {"error": "No.", "code": "conflict", "items": [1]}
    assert answer["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("detail", "body"),
    [
        ({"price": ["Too much."]}, {"price": ["Too much."]}),
        ({"items": {"0": {"price": ["Too much."]}}}, {"items": {"0": {"price": ["Too much."]}}}),
        (["Too much."], {"non_field_errors": ["Too much."]}),
        ("Too much.", {"non_field_errors": ["Too much."]}),
    ],
)
def test_refused_fields_keep_their_shape(detail: Any, body: dict[str, Any]) -> None:
    answer = exception_handler(exceptions.ValidationError(detail), {})
    assert answer is not None
    assert (answer.status_code, answer.data) == (400, body)


def duplicate() -> None:
    for _ in range(2):
        IdempotencyKey.objects.create(user_id=1, path="/", key="k", created_at=timezone.now())


def too_long() -> None:
    IdempotencyKey.objects.create(user_id=1, path="/" * 256, key="k", created_at=timezone.now())


def too_large() -> None:
    IdempotencyKey.objects.create(user_id=1, path="/", key="k", status=99_999, created_at=timezone.now())


def missing() -> None:
    IdempotencyKey.objects.create(user_id=1, path="/", key="k", created_at=None)


def checked() -> None:
    IdempotencyKey.objects.create(user_id=1, path="/", key="k", status=-1, created_at=timezone.now())


def slow() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20ms'")
        cursor.execute("SELECT pg_sleep(5)")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        (duplicate, 409, "already_exists"),
        (too_long, 400, "not_allowed"),
        (too_large, 400, "not_allowed"),
        (missing, 400, "missing_value"),
        (checked, 400, "not_allowed"),
        (slow, 503, "busy"),
    ],
)
def test_what_the_database_really_refuses(statement: Any, status: int, code: str) -> None:
    with pytest.raises(Exception) as refusal, transaction.atomic():  # noqa: PT011  # each has its own class
        statement()
    answer = exception_handler(refusal.value, {})
    assert answer is not None
    assert (answer.status_code, answer.data["code"]) == (status, code)
