"""M-Pesa as a gateway: ask a phone (STK push), ask for the outcome, send money back."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from payments.base import (
    Attempt,
    Capabilities,
    ChargeOrder,
    Gateway,
    Notice,
    RefundOrder,
    Result,
    Route,
    Status,
)
from payments.errors import OutcomeUnknown, RateLimited
from payments.http import Answer
from payments.mpesa import callbacks, wire
from payments.mpesa.answers import accepted, failure_of, refusal_of, refused, response_code
from payments.mpesa.codes import STK, UNKNOWN, Meaning
from payments.mpesa.connection import Connection
from payments.mpesa.initiator import B2C_MINIMUM, PHONE, Refunds
from payments.mpesa.settings import MpesaSettings
from payments.runtime import Runtime
from payments.values import text_of

MINIMUM = Decimal(1)
_PUSH_FIELDS: Mapping[str, str] = {
    "phonenumber": "M-Pesa does not accept this phone number. Check it with the customer.",
    "partya": "M-Pesa does not accept this phone number. Check it with the customer.",
    "amount": "M-Pesa does not accept this amount. Change it or take another method.",
}
_CHECKOUT_FIELD = "checkoutrequestid"
_ASKING = "The customer is asked on the phone."
_WAITING = "M-Pesa is still waiting for the customer."


class MpesaGateway(Gateway):
    """One shop at Daraja. Keeps nothing besides its settings; tokens and budgets live in the runtime."""

    method = "mpesa"

    def __init__(self, settings: MpesaSettings, runtime: Runtime) -> None:
        self.environment = settings.environment
        self._settings = settings
        self._runtime = runtime
        self._connection = Connection(settings, runtime)
        self._refunds = Refunds(settings, self._connection)

    @property
    def capabilities(self) -> Capabilities:
        refunds = self._settings.initiator is not None
        return Capabilities(
            label="M-Pesa",
            needs_phone=True,
            whole_units=True,
            hosted_page=False,
            minimum=MINIMUM,
            maximum=self._settings.maximum,
            currencies=frozenset({"KES"}),
            refunds=refunds,
            partial_refunds=refunds and bool(self._settings.b2c_shortcode),
            callback_is_proof=True,
            query_by_reference=False,
            least_partial_refund=B2C_MINIMUM,
        )

    def id_of(self, reference: str) -> str:
        return ""

    def start(self, order: ChargeOrder) -> Result:
        """Show the PIN prompt on the phone. Daraja has no idempotency key: an unclear answer stays unclear."""
        declined = self._unfit(order)
        if declined:
            return declined
        wire.check_addresses(order.callback_url)
        answer = self._connection.call(
            wire.STK_PUSH, wire.stk_push(self._settings, order, self._runtime.now())
        )
        if not accepted(answer):
            return refused(answer, _PUSH_FIELDS)
        return _pushed(answer)

    def query(self, attempt: Attempt) -> Result:
        """Ask for the outcome of a push. It tells neither amount nor receipt, and may contradict the callback."""
        if not attempt.gateway_id:
            sentence = "M-Pesa never named this request, so it cannot be asked. Ask the customer."
            return Result(Status.PENDING, code="not_identified", message=sentence)
        budget = f"{self._connection.name}-query"
        wait = self._runtime.budget.take(budget, self._settings.queries_per_minute)
        if wait > 0:
            raise RateLimited("M-Pesa may not be asked so often. Wait a little.", wait)
        document = wire.stk_query(self._settings, attempt.gateway_id, self._runtime.now())
        try:
            answer = self._connection.call(wire.STK_QUERY, document)
        except RateLimited as limit:
            self._runtime.budget.drain(budget, limit.retry_after)
            raise
        return _outcome(answer, attempt)

    def refund(self, order: RefundOrder) -> Result:
        return self._refunds.refund(order)

    def query_refund(self, order: RefundOrder) -> Result:
        return self._refunds.ask_about_refund(order)

    def request_receipt(self, attempt: Attempt, status_url: str, status_timeout_url: str) -> bool:
        return self._refunds.ask_for_receipt(attempt, status_url, status_timeout_url)

    def authentic(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool | None:
        """Daraja signs nothing."""
        return None

    def read(self, route: Route, body: bytes) -> Notice:
        return callbacks.read(route, body)

    @property
    def acknowledgement(self) -> Mapping[str, object]:
        return {"ResultCode": 0, "ResultDesc": "Accepted"}

    def _unfit(self, order: ChargeOrder) -> Result | None:
        """An order that M-Pesa would not take; nothing is sent."""
        if order.currency != "KES":
            return _declined("currency", "M-Pesa takes Kenyan shillings only. Take another method.")
        if order.amount != order.amount.to_integral_value():
            return _declined("amount", "M-Pesa takes whole shillings only. Take the cents in cash.")
        if not MINIMUM <= order.amount <= self._settings.maximum:
            sentence = f"M-Pesa takes {MINIMUM} to {self._settings.maximum} shillings in one payment."
            return _declined("amount", f"{sentence} Change the amount or take another method.")
        if not PHONE.fullmatch(order.phone_number):
            return _declined("phone_number", "A Kenyan mobile number is needed, for example 0712 345 678.")
        return None


def _declined(code: str, sentence: str) -> Result:
    return Result(Status.DECLINED, code=code, message=sentence)


def _pushed(answer: Answer) -> Result:
    """Accepted means that the phone is asked, not that anything is paid."""
    document = answer.document
    gateway_id = text_of(document.get("CheckoutRequestID"))
    if not gateway_id:
        raise OutcomeUnknown("M-Pesa took the request without naming it. Ask the customer.")
    return Result(
        Status.PENDING,
        code="0",
        message=text_of(document.get("CustomerMessage")) or _ASKING,
        gateway_id=gateway_id,
        details={"merchant_request_id": text_of(document.get("MerchantRequestID"))},
    )


def _outcome(answer: Answer, attempt: Attempt) -> Result:
    """The meaning of an answer to a query. Pending is said in three ways, two of them errors."""
    refusal = refusal_of(answer)
    # "Invalid CheckoutRequestID" is what Daraja says of a request that it does not see yet.
    if refusal.in_progress or refusal.locked or refusal.field == _CHECKOUT_FIELD:
        return Result(Status.PENDING, code=refusal.code, message=_WAITING, gateway_id=attempt.gateway_id)
    document = answer.document
    result_code = text_of(document.get("ResultCode"), 40)
    if answer.status != 200 or not (result_code or response_code(answer)):
        raise failure_of(answer)
    about_ours = text_of(document.get("CheckoutRequestID")) == attempt.gateway_id
    meaning = _meaning(result_code) if result_code and accepted(answer) and about_ours else UNKNOWN
    return Result(
        meaning.status,
        code=result_code or response_code(answer),
        message=meaning.sentence,
        gateway_id=attempt.gateway_id,
    )


def _meaning(code: str) -> Meaning:
    return STK.get(code, UNKNOWN)
