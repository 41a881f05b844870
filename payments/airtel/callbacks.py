"""Messages from Airtel: whether the hash holds, and what they claim.

Which bytes the hash covers differs between integrations, so three readings are tried; the key decides.
"""

import base64
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from payments.base import About, Notice, Result, Status
from payments.errors import BadCallback
from payments.values import callback_document, compact, text_of

logger = logging.getLogger(__name__)

_SPACE = re.compile(r"[ \t\r\n]*")
_CLAIMED = {"TS": Status.SUCCEEDED, "TF": Status.DECLINED}


def hash_holds(key: str, body: bytes) -> bool:
    """Whether `body` carries a hash made with `key`. Never raises; a missing hash is False."""
    try:
        members = _members(body.decode())
        given = members["hash"][0]
        if not isinstance(given, str):
            return False
        return _matches(key, given.encode("utf-8", "replace"), dict(_covered(members)))
    except (ValueError, KeyError, RecursionError):
        return False


def read_notice(body: bytes) -> Notice:
    """Raises `BadCallback` unless the message names a transaction."""
    transaction = callback_document(body).get("transaction")
    if not isinstance(transaction, dict):
        raise BadCallback("The message has no transaction.")
    our_id = text_of(transaction.get("id"), 100)
    if not our_id:
        raise BadCallback("The message does not say which transaction it is about.")
    code = text_of(transaction.get("status_code"), 40)
    # `message` is free text with the names and amounts of people: not kept.
    result = Result(
        _CLAIMED.get(code, Status.PENDING),
        code,
        gateway_id=our_id,
        receipt=text_of(transaction.get("airtel_money_id"), 64),
    )
    return Notice(About.PAYMENT, result, gateway_id=our_id)


def _matches(key: str, given: bytes, covered: dict[str, bytes]) -> bool:
    matched = ""
    for name, content in covered.items():
        digest = base64.b64encode(hmac.digest(key.encode(), content, hashlib.sha256))
        if hmac.compare_digest(digest, given):
            matched = matched or name
    if matched:
        logger.info("The hash of an Airtel message covers: %s", matched)
    return bool(matched)


def _covered(members: dict[str, tuple[Any, str]]) -> Iterator[tuple[str, bytes]]:
    """What the hash may have been made of."""
    value, raw = members["transaction"]
    yield "the transaction as received", raw.encode()
    yield "the transaction, compact", compact(value)
    rest = {name: found for name, (found, _) in members.items() if name != "hash"}
    yield "the message without its hash", compact(rest)


def _members(text: str) -> dict[str, tuple[Any, str]]:
    """The members of the JSON object `text`: name, value and the very characters of the value.

    A name that occurs twice is refused, or the hash could cover one member and the reader take the other.
    Raises `ValueError`.
    """
    members: dict[str, tuple[Any, str]] = {}
    position = _after(text, 0, "{")
    while True:
        name, end = _value(text, position)
        start = _skip(text, _after(text, end, ":"))
        value, end = _value(text, start)
        if not isinstance(name, str) or name in members:
            raise ValueError(name)
        members[name] = (value, text[start:end])
        position = _skip(text, end)
        if text[position : position + 1] != ",":
            break
        position = _skip(text, position + 1)
    if text[_after(text, position, "}") :].strip(" \t\r\n"):
        raise ValueError(position)
    return members


def _value(text: str, position: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, position)


def _after(text: str, position: int, character: str) -> int:
    """The position behind `character` and white space."""
    position = _skip(text, position)
    if text[position : position + 1] != character:
        raise ValueError(position)
    return _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


_DECODER = json.JSONDecoder()
