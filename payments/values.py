"""Reading what gateways write: numbers as text, text as numbers, values left out."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from payments.errors import BadCallback

_PLAIN = re.compile(r"[0-9]{1,15}(\.[0-9]{1,20})?", re.ASCII)
MAX_AMOUNT = Decimal("999999999999.99")


def text_of(value: Any, longest: int = 200) -> str:
    """A string, number or boolean as text; nothing for everything else. Characters no database takes are left out."""
    if value is None or isinstance(value, bool | dict | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) >= 10**30:
        return ""
    text = str(value).strip()
    return "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff")[:longest]


def amount_of(value: Any) -> Decimal | None:
    """An amount of money in plain digits, or None. Takes `1`, `1.0`, `"5.00"`; never rounds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, int) and abs(value) >= 10**15:
        return None
    text = str(value).strip()
    if not _PLAIN.fullmatch(text):
        return None
    try:
        amount = Decimal(text)
        exact = amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    if amount > MAX_AMOUNT:
        return None
    return exact if exact == amount else None


def member(document: Any, *path: str) -> Any:
    """The value at `path` in nested objects, or None."""
    for name in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def callback_document(body: bytes) -> dict[str, Any]:
    """The JSON object of a message. Raises `BadCallback`."""
    try:
        document = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadCallback("The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise BadCallback("The body is not a JSON object.")
    return document


def compact(document: Any) -> bytes:
    """The bytes that go over the wire: once serialised, never again."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse(name: str) -> None:
    raise ValueError(name)
