"""What M-Pesa accepts in a field, and the errors it answers otherwise."""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from payments.simulator.credentials import Credentials
from payments.simulator.state import EAST_AFRICA
from payments.simulator.web import NotJson, Refusal, Reply, Request, json_reply

REFUSED_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
CLOCK_DIFFERENCE = timedelta(minutes=5)

Check = Callable[[Any], bool]


def error(status: int, code: str, message: str, request_id: str = "") -> Reply:
    """Daraja's error envelope."""
    request_id = request_id or f"{secrets.randbelow(90000) + 10000}-{secrets.randbelow(10**8)}-1"
    return json_reply({"requestId": request_id, "errorCode": code, "errorMessage": message}, status)


def invalid(field: str) -> Refusal:
    return Refusal(error(400, "400.002.02", f"Bad Request - Invalid {field}"))


def document_of(request: Request) -> dict[str, Any]:
    try:
        return request.document()
    except NotJson:
        raise Refusal(error(400, "400.002.05", "Invalid Request Payload")) from None


def check(
    document: Mapping[str, Any], rules: Mapping[str, Check], names: Mapping[str, str] | None = None
) -> None:
    """Refuse the first field that breaks its rule; `names`: what Daraja calls a field in its error."""
    for field, rule in rules.items():
        if not rule(document.get(field)):
            raise invalid((names or {}).get(field, field))


def text(longest: int, shortest: int = 1) -> Check:
    return lambda value: isinstance(value, str) and shortest <= len(value.strip()) and len(value) <= longest


def optional_text(longest: int) -> Check:
    return lambda value: value is None or (isinstance(value, str) and len(value) <= longest)


def number(pattern: str) -> Check:
    """Digits, as a number or as text."""
    return lambda value: re.fullmatch(pattern, digits(value), re.ASCII) is not None


def one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def digits(value: Any) -> str:
    """`value` when it is a whole number or a text, as text."""
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def url(value: Any) -> bool:
    """An address without the words that Safaricom refuses. `http` and this computer are allowed here."""
    if not isinstance(value, str) or any(word in value.lower() for word in REFUSED_WORDS):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)


def timestamp(value: Any) -> bool:
    """Fourteen digits, the time in East Africa, now."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{14}", value, re.ASCII):
        return False
    try:
        moment = datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=EAST_AFRICA)
    except ValueError:
        return False
    return abs(datetime.now(EAST_AFRICA) - moment) <= CLOCK_DIFFERENCE


SHORTCODE = number(r"\d{5,7}")
AMOUNT = number(r"[1-9]\d{0,8}")
PHONE = number(r"254[17]\d{8}")
# Daraja complains of "Remarks" when TransactionDesc is wrong.
PUSH_NAMES = {"TransactionDesc": "Remarks"}
CREDENTIALS: Mapping[str, Check] = {
    "BusinessShortCode": SHORTCODE,
    "Password": text(500),
    "Timestamp": timestamp,
}
PUSH: Mapping[str, Check] = {
    **CREDENTIALS,
    "TransactionType": one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
    "Amount": AMOUNT,
    "PartyA": PHONE,
    "PartyB": SHORTCODE,
    "PhoneNumber": PHONE,
    "CallBackURL": url,
    "AccountReference": text(12),
    "TransactionDesc": text(13),
}
QUERY: Mapping[str, Check] = {**CREDENTIALS, "CheckoutRequestID": text(100)}


def check_merchant(document: Mapping[str, Any], credentials: Credentials) -> None:
    """The shortcode must exist and the password must be base64(shortcode + passkey + timestamp)."""
    shortcode, stamp = digits(document["BusinessShortCode"]), document["Timestamp"]
    if shortcode != credentials.mpesa_shortcode:
        raise Refusal(error(500, "500.001.1001", "Merchant does not exist"))
    right = base64.b64encode(f"{shortcode}{credentials.mpesa_passkey}{stamp}".encode()).decode()
    if document["Password"] != right:
        raise Refusal(error(500, "500.001.1001", "[MerchantValidate] - Wrong credentials"))


def pairing_fault(document: Mapping[str, Any], credentials: Credentials) -> str:
    """The result code that a wrong pairing of type, shortcode and PartyB ends in, later; nothing when it is right."""
    if document["TransactionType"] != credentials.mpesa_type:
        return "2028"
    payee = credentials.mpesa_till if credentials.buys_goods else credentials.mpesa_shortcode
    return "" if digits(document["PartyB"]) == payee else "SFC_IC0003"
