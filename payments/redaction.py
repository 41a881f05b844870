"""Blanking what must not be read later: secrets, whole phone numbers, card numbers."""

import re
from typing import Any

BLANK = "***"
# Compared without case, `_` and `-`.
SECRET_NAMES = frozenset(
    {
        "accesstoken",
        "apikey",
        "authorization",
        "authorizationcode",
        "cardnumber",
        "clientsecret",
        "consumersecret",
        "cvc",
        "cvv",
        "cvv2",
        "number",
        "pan",
        "passkey",
        "password",
        "pin",
        "secret",
        "secretkey",
        "securitycredential",
        "signature",
        "token",
        "xkey",
        "xsignature",
    }
)
_NAMES = re.compile(r"[^a-z0-9]")
# As cards are written: in one piece or in groups of four (Amex and Diners: 4-6-5). Ids of gateways have other groups.
_DIGITS = re.compile(
    r"(?<![\dA-Za-z_.-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5})(?![\dA-Za-z_-])",
    re.ASCII,
)
# The same with letters around it, as a swiped card types them; for logs, in which no id has to be found again.
_DIGITS_IN_LOGS = re.compile(
    r"(?<!\d)(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5})(?!\d)", re.ASCII
)
# Kenyan mobile numbers as people and gateways write them; the middle is blanked.
_PHONE = re.compile(r"(?<!\d)(\+?254|0)([ -]?[17]\d{1,2})([ -]?\d{3})([ -]?\d{2,3})(\d{1})?(?!\d)", re.ASCII)
_LONG_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])", re.ASCII)
# The unguessable part of our own addresses, which some gateways echo.
_ADDRESS = re.compile(r"(https?://\S{0,200}?/)[0-9a-f]{32}(?![0-9A-Za-z])", re.ASCII)
_BEARER = re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9+/=._~-]{6,}")
_ECHOED = re.compile(r"(?i)(invalid access token)\s*-\s*\S+")
# Brand prefixes and lengths of the card schemes, Verve included.
_CARD = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35\d{14}|6(?:011|4[4-9]\d|5\d{2})\d{12,15}|62\d{14,17}|50[67]\d{13}|50[67]\d{15,16})",
    re.ASCII,
)


def card_number_in(text: str) -> bool:
    """Whether `text` holds something that is a card number by brand, length and check digit."""
    return any(_is_card(found.group()) for found in _DIGITS.finditer(text))


def blank_text(text: str) -> str:
    """`text` for a log: tokens, phone numbers and card numbers blanked."""
    text = _DIGITS_IN_LOGS.sub(lambda found: BLANK if _is_card(found.group()) else found.group(), text)
    text = _BEARER.sub(rf"\1 {BLANK}", text)
    text = _ECHOED.sub(rf"\1 - {BLANK}", text)
    text = _LONG_TOKEN.sub(BLANK, text)
    return _PHONE.sub(_blank_phone, text)


def blank_phone(number: str) -> str:
    """`254712345678` as `254712***678`."""
    return f"{number[:6]}***{number[-3:]}" if len(number) > 9 else BLANK


def blank_document(document: Any) -> Any:
    """A JSON document for keeping: secret names, card numbers and tokens in addresses blanked, all else as it was."""
    if isinstance(document, dict):
        return {
            name: BLANK
            if _secret(name) and value not in (None, "") and not isinstance(value, dict | list)
            else blank_document(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [blank_document(item) for item in document]
    if isinstance(document, str):
        text = _ADDRESS.sub(rf"\1{BLANK}", document)
        return _DIGITS.sub(lambda found: BLANK if _is_card(found.group()) else found.group(), text)
    if isinstance(document, int) and not isinstance(document, bool) and document > 10**12:
        return BLANK if _is_card(str(document)) else document
    return document


def _secret(name: object) -> bool:
    return _NAMES.sub("", str(name).lower()) in SECRET_NAMES


def _blank_phone(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found.group())
    if len(digits) not in (10, 12):
        return found.group()
    return f"{digits[:-7]}{BLANK}{digits[-3:]}"


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return bool(_CARD.fullmatch(digits)) and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
