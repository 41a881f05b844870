"""JSON as the contract means it: bounded, strict, exact numbers, no text that a database cannot hold.

And, where a view asks for it, files as the same kind of plain data.
"""

import codecs
import io
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, Any, NoReturn, Protocol

from django.conf import settings
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser

from apps.core.errors import DomainError
from apps.core.money import ScientificNumber

MAX_DEPTH = 32
DRAIN_BYTES = 16_000_000


class BodyTooLarge(DomainError):
    status = 413
    code = "too_large"


class StrictJSONParser(BaseParser):
    """Refuses NaN, duplicate keys, deep nesting, NUL and lone surrogates; numbers become exact decimals."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return parse_json(read_limited(stream))


class CsvParser(BaseParser):
    """A CSV file as text under `csv`, beside it the parameters of the address; as if all had come as JSON.

    Plain data, so that an idempotency key tells one file from another.
    """

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {})["request"]
        return {**request.query_params.dict(), "csv": file_text(read_limited(stream))}


class CsvUploadParser(MultiPartParser):
    """A form whose part `file` is a CSV file, as the same plain data as above."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        form = super().parse(io.BytesIO(read_limited(stream)), media_type, parser_context)
        file = form.files.get("file")
        if file is None:
            raise ValidationError({"file": ["The file is missing: send it as the part `file`."]})
        return {**form.data.dict(), "csv": file_text(file.read())}


def file_text(content: bytes) -> str:
    """The text of a file in UTF-8, without its byte order mark; raises `ValidationError` naming the line."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValidationError(
            {"csv": [f"Line {line} is not UTF-8 text. Save the file as CSV in UTF-8."]}
        ) from None
    if (found := text.find("\0")) >= 0:
        line = text.count("\n", 0, found) + 1
        raise ValidationError({"csv": [f"Line {line} contains the NUL character."]})
    return text


class Readable(Protocol):
    """A body that has not been read yet: a stream, or a request."""

    def read(self, size: int, /) -> bytes: ...


def read_limited(stream: Readable, limit: int | None = None) -> bytes:
    """The whole body, or `BodyTooLarge` beyond `limit` bytes (`MAX_BODY_BYTES` unless given).

    What is too much is read away first: closing the connection on unread data would reset it before the
    client has seen the answer.
    """
    limit = limit or settings.MAX_BODY_BYTES
    body = stream.read(limit + 1)
    if len(body) <= limit:
        return body
    drained = len(body)
    while drained < DRAIN_BYTES and (chunk := stream.read(65_536)):
        drained += len(chunk)
    raise BodyTooLarge(f"The body is larger than {limit:,} bytes. Send less at once.")


def parse_json(body: bytes) -> Any:
    """The document in `body`; raises DRF's `ParseError` with a sentence for everything that is not accepted."""
    try:
        document = json.loads(
            body.decode(),
            parse_float=_exact,
            parse_constant=_not_a_number,
            object_pairs_hook=_unique_keys,
        )
    except RecursionError:
        raise ParseError("The JSON is nested too deeply.") from None
    except ParseError:
        raise
    except (ValueError, InvalidOperation) as error:
        raise ParseError(f"The body is not valid JSON: {_position(error)}.") from None
    # The walk is needed only where nesting is possible beyond the limit or an escape may hide a bad character.
    if b"\\u" in body or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check(document, 0)
    return document


def _exact(text: str) -> Decimal:
    return ScientificNumber(text) if "e" in text or "E" in text else Decimal(text)


def _not_a_number(name: str) -> NoReturn:
    raise ParseError(f"{name} is not a number.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("The JSON has the same key twice in one object.")
    return found


def _position(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno} column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return "a number has too many digits"


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ParseError("The JSON is nested too deeply.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth + 1)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("Text may not contain the NUL character.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("Text may not contain half of a surrogate pair.")
