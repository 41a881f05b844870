"""Domain errors: what a rule of the shop refuses, in the contract's shape."""

from typing import Any


class DomainError(Exception):
    """A rule of the shop forbids it. `code` is for programs, the sentence for the person at the till."""

    status = 409
    code = "conflict"

    def __init__(self, sentence: str, *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.headers = headers or {}
        self.extra = extra


class NotFound(DomainError):
    """It is not there, or not yours to see."""

    status = 404
    code = "not_found"


class InvalidRequest(DomainError):
    """The request as a whole cannot be read; field errors are `ValidationError`s instead."""

    status = 400
    code = "invalid_request"


class Busy(DomainError):
    """The database is held up by somebody else or restarting; the same request may be sent again."""

    status = 503
    code = "busy"

    def __init__(self, sentence: str = "The shop is busy for a moment. Please try again.") -> None:
        super().__init__(sentence, headers={"Retry-After": "1"})


SENTENCES = {
    "not_authenticated": "Sign in first: send the header `Authorization: Token <token>`.",
    "permission_denied": "Your role does not allow this. Ask an administrator.",
    "not_found": "There is nothing here, or it is not yours to see.",
    "malformed_json": "The body is not valid JSON.",
    "unsupported_media_type": "Send JSON with the header `Content-Type: application/json`.",
}


def error_body(sentence: str, code: str, **extra: Any) -> dict[str, Any]:
    """The contract's shape for every error that is not about single fields."""
    return {"error": sentence, "code": code, **extra}
