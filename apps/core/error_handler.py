"""The one handler that turns every failure of the API into the contract's JSON."""

import logging
from typing import Any

import psycopg2
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.db.models import ProtectedError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from apps.core.errors import SENTENCES, Busy, DomainError, error_body
from apps.core.outages import is_outage

logger = logging.getLogger(__name__)

_CODES: dict[type[Exception], str] = {
    exceptions.ParseError: "malformed_json",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "invalid_token",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
}
CONSTRAINT_SENTENCES = {
    psycopg2.errors.UniqueViolation: (409, "already_exists", "Another record already has this value."),
    psycopg2.errors.ForeignKeyViolation: (
        409,
        "in_use",
        "Other records depend on this one, or one that it needs is gone.",
    ),
    psycopg2.errors.CheckViolation: (400, "not_allowed", "The value breaks a rule of the shop."),
    psycopg2.errors.NotNullViolation: (400, "missing_value", "A required value is missing."),
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: the contract's JSON for `error`, or None for a bug, which Django then logs as a 500."""
    if isinstance(error, DatabaseError | InterfaceError):
        error = from_database(error)
    if isinstance(error, DomainError):
        return Response(
            error_body(error.sentence, error.code, **error.extra), error.status, headers=error.headers
        )
    if isinstance(error, exceptions.ValidationError):
        detail = error.detail
        return Response(detail if isinstance(detail, dict) else {"non_field_errors": detail}, 400)
    if isinstance(error, exceptions.APIException):
        return _from_rest_framework(error)
    return _from_django(error)


def _from_rest_framework(error: exceptions.APIException) -> Response:
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), str(error.default_code))
    headers = {}
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1))
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    sentence = str(error.detail)
    if code in SENTENCES and code != "malformed_json":
        sentence = SENTENCES[code]
    return Response(error_body(sentence, code), error.status_code, headers=headers)


def _from_django(error: Exception) -> Response | None:
    if isinstance(error, Http404):
        return Response(error_body(SENTENCES["not_found"], "not_found"), 404)
    if isinstance(error, PermissionDenied):
        return Response(error_body(SENTENCES["permission_denied"], "permission_denied"), 403)
    if isinstance(error, RequestDataTooBig):
        return Response(error_body("The body is too large.", "too_large"), 413)
    if isinstance(error, SuspiciousOperation):
        return Response(error_body("The request cannot be read.", "invalid_request"), 400)
    return None


def from_database(error: Exception) -> Exception:
    """A database refusal as a domain error: constraints are rules, lock time-outs and restarts are `Busy`.

    The texts never carry the database's own message, which may quote other people's data.
    """
    if isinstance(error, ProtectedError):  # Django noticed before the database had to
        return _refused(*CONSTRAINT_SENTENCES[psycopg2.errors.ForeignKeyViolation])
    cause = error.__cause__
    for kind, (status, code, sentence) in CONSTRAINT_SENTENCES.items():
        if isinstance(cause, kind):
            return _refused(status, code, sentence)
    if isinstance(error, DataError):
        return _refused(400, "not_allowed", "A value is too large or not of the right kind.")
    if isinstance(error, IntegrityError):
        return _refused(409, "conflict", "The change contradicts other records.")
    if is_outage(error):
        logger.warning("database unavailable: %s", type(cause or error).__name__)
        return Busy()
    return error


def _refused(status: int, code: str, sentence: str) -> DomainError:
    error = DomainError(sentence)
    error.status, error.code = status, code
    return error
