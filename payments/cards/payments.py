"""What the gateway's answers about a payment mean."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from payments.base import Attempt, ChargeOrder, Result, Status
from payments.cards.amounts import read_amount
from payments.cards.connection import NO_CLEAR_ANSWER, code_of, data_of, refused, words_of
from payments.cards.settings import CardSettings
from payments.errors import OutcomeUnknown
from payments.http import Answer
from payments.values import member, text_of

# The customer may still come to the page and pay; that somebody left it is not final either.
_OPEN = frozenset({"abandoned", "ongoing", "pending", "processing", "queued"})
_WAITING = "The customer is on the payment page."
_LOOK = "An administrator has to look."
_BRAND = re.compile(r"[A-Za-z][A-Za-z .-]{0,29}", re.ASCII)
_LAST4 = re.compile(r"[0-9]{4}", re.ASCII)


def page_of(answer: Answer, order: ChargeOrder) -> Result:
    """The answer to the beginning of a payment: the page, a refusal, or (`OutcomeUnknown`) nobody knows."""
    data = data_of(answer)
    if data is not None:
        url = _page_address(data.get("authorization_url"))
        if not url or data.get("reference") != order.reference:
            # Nobody has seen the page, so nobody can pay there; asking for the outcome will show it.
            raise OutcomeUnknown(NO_CLEAR_ANSWER)
        return Result(Status.PENDING, "initialized", _WAITING, gateway_id=order.reference, payment_url=url)
    if _is_duplicate(answer):
        # The first answer got lost and with it the page; a second page under a new name could be paid twice.
        raise OutcomeUnknown("This card payment was begun before and its page is lost. It is being checked.")
    if refused(answer):
        sentence = (
            f"The card gateway refused to begin the payment: {words_of(answer.document.get('message'))}."
        )
        return Result(Status.DECLINED, code_of(answer), sentence)
    raise OutcomeUnknown(NO_CLEAR_ANSWER)


def verified(answer: Answer, attempt: Attempt, settings: CardSettings, *, settled_absence: bool) -> Result:
    """The answer to a verification.

    `settled_absence`: enough time has passed since the beginning to believe that the gateway does not know it.
    """
    reference = attempt.gateway_id or attempt.reference
    data = data_of(answer)
    if data is None:
        if answer.status in (400, 404) and answer.document.get("status") is False:
            return _not_found(reference, settled_absence)
        return _unknown(code_of(answer), "The card gateway gave an answer that is not known.", reference)
    if data.get("reference") != reference:
        return _unknown("reference_differs", "The card gateway answered for another payment.", reference)
    if data.get("domain") != settings.mode:
        return _unknown("domain_differs", f"This is not a {settings.mode} payment.", reference)
    return _by_status(data, attempt, settings)


def _by_status(data: dict[str, Any], attempt: Attempt, settings: CardSettings) -> Result:
    reference = attempt.gateway_id or attempt.reference
    status = text_of(data.get("status"), 40)
    if status == "success":
        return _paid(data, attempt, settings)
    if status == "failed":
        words = words_of(data.get("gateway_response"))
        sentence = f"The card was declined ({words}). Ask for another card, or take another method."
        return Result(Status.DECLINED, status, sentence, gateway_id=reference)
    if status in _OPEN:
        return Result(Status.PENDING, status, _WAITING, gateway_id=reference)
    if status == "reversed":
        return Result(
            Status.UNKNOWN,
            status,
            f"The card payment was sent back to the customer. {_LOOK}",
            gateway_id=reference,
            receipt=text_of(data.get("id"), 64),
            details={"reversed": "true"},
        )
    return _unknown(status or "no_status", "The card gateway gave an answer that is not known.", reference)


def _paid(data: dict[str, Any], attempt: Attempt, settings: CardSettings) -> Result:
    reference = attempt.gateway_id or attempt.reference
    paid = read_amount(data.get("amount"), settings.minor_unit)
    if paid is None:
        return _unknown("amount_unreadable", "The card gateway did not say how much was paid.", reference)
    currency = text_of(data.get("currency"), 10)
    asked = read_amount(data.get("requested_amount"), settings.minor_unit)
    details = _card(data) | _fees(data, settings)
    amount = paid
    if currency == attempt.currency and asked == attempt.amount and paid > asked:
        # The customer was charged the gateway's fees on top; ours is what we asked for.
        details |= {"gateway_amount": str(paid), "fees": details.get("fees", str(paid - asked))}
        amount = asked
    return Result(
        Status.SUCCEEDED,
        "success",
        "Paid.",
        gateway_id=reference,
        receipt=text_of(data.get("id"), 64),
        amount=amount,
        currency=currency,
        details=details,
    )


def _card(data: dict[str, Any]) -> dict[str, str]:
    """Brand and last four digits: all that may be kept of a card."""
    brand = text_of(member(data, "authorization", "brand"), 30)
    last4 = text_of(member(data, "authorization", "last4"), 30)
    found = {
        "brand": brand if _BRAND.fullmatch(brand) else "",
        "last4": last4 if _LAST4.fullmatch(last4) else "",
    }
    return {name: value for name, value in found.items() if value}


def _fees(data: dict[str, Any], settings: CardSettings) -> dict[str, str]:
    fees: Decimal | None = read_amount(data.get("fees"), settings.minor_unit)
    return {} if fees is None else {"fees": str(fees)}


def _not_found(reference: str, settled_absence: bool) -> Result:
    if not settled_absence:
        return Result(Status.PENDING, "not_found", _WAITING, gateway_id=reference)
    sentence = "The card gateway never received this payment. It may be begun again."
    return Result(Status.DECLINED, "not_found", sentence, gateway_id=reference, absent=True)


def _is_duplicate(answer: Answer) -> bool:
    document = answer.document
    return (
        text_of(document.get("code")) == "duplicate_reference"
        or "duplicate transaction reference" in text_of(document.get("message")).lower()
    )


def _page_address(value: Any) -> str:
    """The address of the page if a browser may be sent there, else nothing."""
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{1,2000}", value):
        return ""
    try:
        parts = urlsplit(value)
        return value if parts.scheme in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""


def _unknown(code: str, sentence: str, reference: str) -> Result:
    return Result(Status.UNKNOWN, code, f"{sentence} {_LOOK}", gateway_id=reference)
