"""What Airtel checks in a request before it does anything."""

import re
from collections.abc import Mapping
from typing import Any

from payments.simulator.airtel_answers import INVALID_TOKEN, refused, router
from payments.simulator.keys import signed_body
from payments.simulator.modes import Mode
from payments.simulator.web import NotJson, Refusal, Reply, Request, json_reply
from payments.simulator.world import World

AMOUNT_TEXT = (
    "Invalid Amount: The amount must not be null or blank, should contain only numeric characters, be greater than "
    "zero, and have a limited number of decimal places"
)


def require_token(world: World, request: Request) -> str:
    given = request.bearer()
    if not world.knows_token("airtel", given):
        raise Refusal(json_reply(INVALID_TOKEN, 401))
    return given


def token_answer(world: World, mode: Mode, phone: str, given: str) -> None:
    """Refuse a good token when the mode says so."""
    if mode.answer.startswith("token-") and world.refuses_token_once(
        "airtel", given, phone, mode.refreshable
    ):
        raise Refusal(json_reply(INVALID_TOKEN, int(mode.answer.removeprefix("token-"))))


def require_where(request: Request) -> None:
    """`X-Country` and `X-Currency`, on every API but the token's."""
    country, currency = request.headers.get("x-country"), request.headers.get("x-currency")
    if not country or not currency:
        raise Refusal(router("ROUTER003", "Missing mandatory header: X-Country or X-Currency"))
    if country != "KE":
        raise Refusal(router("ROUTER005", "Country not supported"))
    if currency != "KES":
        raise Refusal(router("ROUTER112", "Invalid currency"))


def document_of(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(router("ROUTER003", "Content-Type must be application/json", 415))
    try:
        return request.document()
    except NotJson:
        raise Refusal(router("ROUTER003", "Missing or unreadable body")) from None


def check_signature(request: Request) -> None:
    """The v2 signature must open with our key and hold exactly the body's bytes."""
    x_key, x_signature = request.headers.get("x-key", ""), request.headers.get("x-signature", "")
    if not x_key or not x_signature:
        raise Refusal(router("ROUTER003", "Missing mandatory header: x-signature or x-key"))
    if signed_body(x_key, x_signature) != request.body:
        raise Refusal(refused("x-signature and payload mismatch", "ESB000008", "DP00800001026"))


def check_collection(document: Mapping[str, Any]) -> None:
    subscriber, transaction = document.get("subscriber"), document.get("transaction")
    if not isinstance(subscriber, dict) or not isinstance(transaction, dict):
        raise Refusal(refused("Invalid/Missing subscriber or transaction", "ESB000008"))
    _check_places(subscriber, transaction)
    fault = _msisdn_fault(subscriber.get("msisdn")) or _transaction_fault(
        document.get("reference"), transaction
    )
    if fault:
        raise Refusal(fault)


def _check_places(subscriber: Mapping[str, Any], transaction: Mapping[str, Any]) -> None:
    for place in (subscriber, transaction):
        if place.get("country") != "KE":
            raise Refusal(refused("Invalid/Missing Country", "ESB000034"))
        if place.get("currency") != "KES":
            raise Refusal(refused("Invalid/Missing Currency", "ESB000035"))


def _msisdn_fault(msisdn: Any) -> Reply | None:
    digits = str(msisdn) if isinstance(msisdn, int | str) and not isinstance(msisdn, bool) else ""
    if len(digits) != 9:
        return refused("Invalid Msisdn Length. Msisdn Length should be 9", "ESB000033", code=400)
    if not re.fullmatch(r"[17]\d{8}", digits, re.ASCII):
        return refused("Invalid Msisdn", "ESB000036", code=400)
    return None


def _transaction_fault(reference: Any, transaction: Mapping[str, Any]) -> Reply | None:
    amount, own_id = transaction.get("amount"), transaction.get("id")
    whole = (
        isinstance(amount, int | float)
        and not isinstance(amount, bool)
        and amount > 0
        and amount == int(amount)
    )
    if not whole:
        return refused(AMOUNT_TEXT, "ESB000008", code=400)
    if not isinstance(own_id, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", own_id, re.ASCII):
        return refused("Invalid/Missing transaction id", "ESB000008", code=400)
    if not isinstance(reference, str) or not re.fullmatch(r"[A-Za-z0-9 -]{1,64}", reference, re.ASCII):
        return refused("Invalid/Missing reference", "ESB000008", code=400)
    return None
