"""Refunds: what the answers mean, and finding one whose answer was lost.

The gateway offers no key that would make a repeated request harmless. Our name of the refund travels in
`merchant_note`, and only the gateway's whole list since the request shows that it never arrived.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from payments.base import RefundOrder, Result, Status
from payments.cards.amounts import read_amount
from payments.cards.connection import NO_CLEAR_ANSWER, code_of, data_of, refused, words_of
from payments.cards.settings import CardSettings
from payments.errors import OutcomeUnknown
from payments.http import Answer
from payments.values import member, text_of

PER_PAGE = 100
MOST_PAGES = 20
# Our clock and the gateway's may differ; too long a list costs nothing, a missed refund is paid twice.
CLOCK_SLACK = timedelta(hours=1)
_STATUSES = {
    "pending": (Status.PENDING, "The refund is on its way."),
    "processing": (Status.PENDING, "The refund is on its way."),
    "processed": (Status.SUCCEEDED, "Refunded."),
    "failed": (
        Status.DECLINED,
        "The card gateway could not refund. Give the money back in cash, or try again.",
    ),
    # It may still be made, when the customer tells the gateway where to; until then the amount is free again.
    "needs-attention": (
        Status.DECLINED,
        "The card gateway cannot refund without the customer's bank details. See its dashboard, or refund in cash.",
    ),
}
# One page of the list: the query in, the answer out.
Page = Callable[[dict[str, str]], Answer]


def refund_result(answer: Answer, order: RefundOrder, settings: CardSettings) -> Result:
    """The answer to a refund: taken in, refused, or (`OutcomeUnknown`) nobody knows."""
    data = data_of(answer)
    if data is not None:
        return _result(data, order, settings)
    if refused(answer):
        sentence = f"The card gateway refused the refund: {words_of(answer.document.get('message'))}."
        return Result(Status.DECLINED, code_of(answer), sentence)
    raise OutcomeUnknown(NO_CLEAR_ANSWER)


def fetched_refund(answer: Answer, order: RefundOrder, settings: CardSettings) -> Result:
    """The answer to the question about one refund whose id is known."""
    data = data_of(answer)
    if data is None:
        return _unknown(code_of(answer), "The card gateway gave an answer that is not known.", order)
    if text_of(data.get("id"), 64) != order.gateway_id:
        return _unknown("id_differs", "The card gateway answered for another refund.", order)
    return _result(data, order, settings)


def find_refund(page: Page, order: RefundOrder, settings: CardSettings, *, settled_absence: bool) -> Result:
    """The refund that carries our name, in the list since it was asked for.

    Absent only when the whole list was read and nothing in it could be ours.
    """
    since = (order.requested_at - CLOCK_SLACK).astimezone(UTC)
    refunds, complete = _listed(page, _iso(since))
    ours = [refund for refund in refunds if refund.get("merchant_note") == order.reference]
    if len(ours) == 1:
        return _result(ours[0], order, settings)
    if ours:
        return _unknown("several_found", "The card gateway lists this refund more than once.", order)
    if not complete:
        return _unknown(
            "list_incomplete", "The card gateway's list of refunds could not be read whole.", order
        )
    if any(_could_be_ours(refund, order, settings) for refund in refunds):
        return _unknown("note_missing", "The card gateway lists a refund that could be this one.", order)
    if not settled_absence:
        sentence = "The card gateway does not list the refund yet."
        return Result(Status.PENDING, "not_found", sentence)
    return Result(Status.UNKNOWN, "not_found", "The card gateway never received the refund.", absent=True)


def _listed(page: Page, since: str) -> tuple[list[dict[str, Any]], bool]:
    """All refunds since, and whether these surely are all."""
    found: dict[str, dict[str, Any]] = {}
    for number in range(1, MOST_PAGES + 1):
        answer = page({"from": since, "perPage": str(PER_PAGE), "page": str(number)})
        items = _items(answer)
        if items is None:
            break
        before = len(found)
        # A refund made meanwhile moves the others down, so that one may be seen twice.
        found |= {text_of(item.get("id")) or repr(item): item for item in items}
        total = member(answer.document, "meta", "total")
        counted = type(total) is int
        if (counted and total <= len(found)) or len(found) == before:
            # Without a total, the end is an empty page or, where pages are ignored, the same short one again.
            return list(found.values()), total <= len(found) if counted else len(items) < PER_PAGE
    return list(found.values()), False


def _items(answer: Answer) -> list[dict[str, Any]] | None:
    """The refunds of one page; None when it cannot be read whole."""
    items = answer.document.get("data")
    if answer.status != 200 or answer.document.get("status") is not True or not isinstance(items, list):
        return None
    return items if all(isinstance(item, dict) for item in items) else None


def _result(data: dict[str, Any], order: RefundOrder, settings: CardSettings) -> Result:
    """What one refund's own record says, after making sure that it is the one asked about."""
    gateway_id = text_of(data.get("id"), 64) or order.gateway_id
    difference = _difference(data, order, settings)
    if difference:
        sentence = "The card gateway answered for another refund."
        return _unknown(f"{difference}_differs", sentence, order, gateway_id)
    word = text_of(data.get("status"), 40)
    status, sentence = _STATUSES.get(
        word, (Status.UNKNOWN, "The card gateway gave an answer that is not known.")
    )
    return Result(
        status,
        word or "no_status",
        sentence,
        gateway_id=gateway_id,
        receipt=text_of(data.get("refund_reference"), 64) or gateway_id,
        amount=read_amount(data.get("amount"), settings.minor_unit),
        currency=text_of(data.get("currency"), 10),
    )


def _difference(data: dict[str, Any], order: RefundOrder, settings: CardSettings) -> str:
    """What in the record contradicts the order. The transaction may be an object, or only its number."""
    if data.get("domain", settings.mode) != settings.mode:
        return "domain"
    if not _same_transaction(data.get("transaction"), order):
        return "transaction"
    amount = data.get("amount")
    if amount is not None and read_amount(amount, settings.minor_unit) != order.amount:
        return "amount"
    return "" if text_of(data.get("currency"), 10) in ("", order.currency) else "currency"


def _same_transaction(transaction: Any, order: RefundOrder) -> bool:
    """Whether nothing says that it is another; without our payment's number a number cannot be compared."""
    reference = order.payment.gateway_id or order.payment.reference
    named = member(transaction, "reference")
    if named is not None:
        return bool(named == reference)
    number = text_of(member(transaction, "id") if isinstance(transaction, dict) else transaction, 64)
    return number in ("", reference) or not order.payment.receipt or number == order.payment.receipt


def _could_be_ours(refund: dict[str, Any], order: RefundOrder, settings: CardSettings) -> bool:
    """A refund of this payment and amount to which nobody has given a name."""
    return not refund.get("merchant_note") and not _difference(refund, order, settings)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _unknown(code: str, sentence: str, order: RefundOrder, gateway_id: str = "") -> Result:
    return Result(
        Status.UNKNOWN,
        code,
        f"{sentence} An administrator has to look.",
        gateway_id=gateway_id or order.gateway_id,
    )
