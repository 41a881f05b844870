"""What only an initiator may do: send money back and ask about any transaction.

Each of these calls is only acknowledged; what came of it is delivered to an address of ours later.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from payments.base import Attempt, RefundOrder, Result, Status
from payments.errors import Misconfigured
from payments.http import Answer
from payments.mpesa import wire
from payments.mpesa.answers import DUPLICATE, accepted, refusal_of, refused
from payments.mpesa.connection import Connection
from payments.mpesa.settings import MpesaSettings
from payments.values import text_of

REVERSAL, B2C = "reversal", "b2c"
B2C_MINIMUM = Decimal(10)  # shillings; common but not confirmed by Safaricom
PHONE = re.compile(r"254[17][0-9]{8}", re.ASCII)
_WAITING = "M-Pesa is sending the money back. The outcome comes later."
_SUBMITTED = "This refund was handed to M-Pesa before. The outcome comes later."
_ASKED = "M-Pesa was asked about the refund. The answer comes later."
_CASH = "Refund in cash, or in the M-Pesa organisation portal."
_REVERSAL_FIELDS: Mapping[str, str] = {
    "transactionid": f"M-Pesa does not accept the receipt of the payment. {_CASH}",
    "amount": f"M-Pesa does not accept the amount of the refund. {_CASH}",
}
_B2C_FIELDS: Mapping[str, str] = {
    "partyb": "M-Pesa does not accept the customer's phone number. Refund in cash.",
    "amount": "M-Pesa does not accept the amount of the refund. Refund in cash.",
}


class Refunds:
    """Refunds of one shop, and questions about transactions."""

    def __init__(self, settings: MpesaSettings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection

    def refund(self, order: RefundOrder) -> Result:
        """A reversal where the whole payment goes back and its receipt is known, otherwise B2C.

        Whether a reversal may be partial is disputed (fact sheet, section 7), so it never is.
        """
        wire.initiator_of(self._settings)
        declined = self._unfit(order)
        if declined:
            return declined
        _check_result_addresses(order.result_url, order.timeout_url)
        if _is_reversal(order):
            answer = self._connection.call(wire.REVERSAL, wire.reversal(self._settings, order))
            return _acknowledged(answer, _REVERSAL_FIELDS, REVERSAL)
        answer = self._connection.call(wire.B2C, wire.b2c(self._settings, order))
        if refusal_of(answer).code == DUPLICATE:
            # The money is on its way already; an error to everybody else is good news to us.
            return Result(
                Status.PENDING,
                code=DUPLICATE,
                message=_SUBMITTED,
                gateway_id=order.gateway_id,
                details={"originator_conversation_id": order.reference, "way": B2C},
            )
        return _acknowledged(answer, _B2C_FIELDS, B2C)

    def ask_about_refund(self, order: RefundOrder) -> Result:
        """PENDING: the answer is delivered to `order.status_url`."""
        # The receipt may have become known since the money was sent; what counts is the way it went then.
        way = order.details.get("way") or (REVERSAL if _is_reversal(order) else B2C)
        conversation = order.details.get("originator_conversation_id", "")
        if way == REVERSAL and conversation:
            # The reversal itself; about the original payment the answer may be the same before and after.
            subject, party = {"OriginalConversationID": conversation}, self._settings.shortcode
        elif way == REVERSAL:
            subject, party = {"TransactionID": order.payment.receipt}, self._settings.shortcode
        else:
            subject, party = {"OriginalConversationID": order.reference}, self._b2c_party
        answer = self._ask(subject, party, order.status_url, order.status_timeout_url)
        if not accepted(answer):
            # What the question met says nothing about the refund.
            return replace(refused(answer, {}), status=Status.PENDING, gateway_id=order.gateway_id)
        return Result(Status.PENDING, code="asked", message=_ASKED, gateway_id=order.gateway_id)

    def ask_for_receipt(self, attempt: Attempt, status_url: str, status_timeout_url: str) -> bool:
        """Whether M-Pesa took the question; the receipt is delivered to `status_url`."""
        merchant_request_id = attempt.details.get("merchant_request_id", "")
        if self._settings.initiator is None or not merchant_request_id:
            return False
        subject = {"OriginalConversationID": merchant_request_id}
        answer = self._ask(subject, self._settings.shortcode, status_url, status_timeout_url)
        if not accepted(answer):
            refused(answer, {})
            return False
        return True

    @property
    def _b2c_party(self) -> str:
        """Who sent a refund; a shop may have given up B2C since."""
        return self._settings.b2c_shortcode or self._settings.shortcode

    def _ask(self, subject: Mapping[str, str], party: str, result_url: str, timeout_url: str) -> Answer:
        _check_result_addresses(result_url, timeout_url)
        document = wire.transaction_status(self._settings, dict(subject), party, result_url, timeout_url)
        return self._connection.call(wire.TRANSACTION_STATUS, document)

    def _unfit(self, order: RefundOrder) -> Result | None:
        """A refund that M-Pesa would not make; nothing is sent."""
        if order.currency != "KES":
            return _declined("currency", f"M-Pesa sends Kenyan shillings only. {_CASH}")
        if order.amount != order.amount.to_integral_value() or order.amount < 1:
            return _declined("amount", "M-Pesa sends whole shillings only. Refund the cents in cash.")
        if order.amount > order.payment.amount:
            return _declined("amount", "The refund is larger than the payment.")
        return None if _is_reversal(order) else self._unfit_for_b2c(order)

    def _unfit_for_b2c(self, order: RefundOrder) -> Result | None:
        if not self._settings.b2c_shortcode:
            if order.amount == order.payment.amount:
                sentence = "The M-Pesa receipt of the payment is not known yet. Enter it, or refund in cash."
                return _declined("receipt_unknown", sentence)
            sentence = (
                "Part of an M-Pesa payment cannot be sent back. Refund it in cash, or the whole payment."
            )
            return _declined("partial_refund", sentence)
        if order.amount < B2C_MINIMUM:
            return _declined("minimum", f"M-Pesa sends no less than {B2C_MINIMUM} shillings. Refund in cash.")
        if not PHONE.fullmatch(order.phone_number):
            return _declined("phone_number", "The customer's M-Pesa number is not known. Refund in cash.")
        return None


def _is_reversal(order: RefundOrder) -> bool:
    return bool(order.payment.receipt) and order.amount == order.payment.amount


def _declined(code: str, sentence: str) -> Result:
    return Result(Status.DECLINED, code=code, message=sentence)


def _acknowledged(answer: Answer, cashier: Mapping[str, str], way: str) -> Result:
    if not accepted(answer):
        return refused(answer, cashier)
    document = answer.document
    return Result(
        Status.PENDING,
        code="0",
        message=_WAITING,
        gateway_id=text_of(document.get("ConversationID")),
        details={
            "originator_conversation_id": text_of(document.get("OriginatorConversationID")),
            "way": way,
        },
    )


def _check_result_addresses(result_url: str, timeout_url: str) -> None:
    """Both are posted the same shape: only the address tells an outcome from a time-out."""
    if result_url == timeout_url:
        raise Misconfigured("M-Pesa needs two different addresses for outcomes and for time-outs.")
    wire.check_addresses(result_url, timeout_url)
