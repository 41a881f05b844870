"""Airtel Money: the customer is asked on the phone, and only an enquiry says whether money came."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

from payments.airtel import answers
from payments.airtel.callbacks import hash_holds, read_notice
from payments.airtel.connection import LABEL, Connection
from payments.airtel.settings import AirtelSettings, read_settings
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
from payments.errors import RateLimited
from payments.http import Answer
from payments.runtime import Runtime
from payments.values import compact

ENQUIRIES_PER_MINUTE = 120.0
# Airtel itself asks to wait this long before a missing transaction is taken to be missing.
ABSENCE_IS_BELIEVED_AFTER = timedelta(minutes=3)
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]", re.ASCII)
_PHONE = re.compile(r"254([0-9]{9})", re.ASCII)


def from_settings(settings: Mapping[str, str], runtime: Runtime) -> Gateway | None:
    """The gateway, or None without credentials. Raises `Misconfigured`."""
    found = read_settings(settings)
    return None if found is None else AirtelGateway(found, runtime)


class AirtelGateway(Gateway):
    """One merchant application. A callback carries no amount and may be intermediate, so it is only a hint."""

    method = "airtel"

    def __init__(self, settings: AirtelSettings, runtime: Runtime) -> None:
        self.environment = settings.environment
        self._settings = settings
        self._runtime = runtime
        self._connection = Connection(settings, runtime)
        self._budget = f"airtel-enquiry:{settings.identity}"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            label=LABEL,
            needs_phone=True,
            whole_units=True,
            hosted_page=False,
            minimum=Decimal(1),
            maximum=self._settings.max_amount,
            currencies=frozenset({self._settings.currency}),
            refunds=True,
            partial_refunds=False,
            callback_is_proof=False,
            query_by_reference=True,
        )

    def id_of(self, reference: str) -> str:
        return _NOT_ALPHANUMERIC.sub("", reference)

    def start(self, order: ChargeOrder) -> Result:
        refusal = self._refusal(order)
        if refusal:
            return refusal
        # Serialised once: these very bytes are signed and sent.
        return answers.started(self._connection.push(self._push_body(order)), self.id_of(order.reference))

    def query(self, attempt: Attempt) -> Result:
        our_id = attempt.gateway_id or self.id_of(attempt.reference)
        age = self._runtime.now() - attempt.started_at
        return answers.outcome(
            self._enquire(our_id), our_id, settled_absence=age >= ABSENCE_IS_BELIEVED_AFTER
        )

    def refund(self, order: RefundOrder) -> Result:
        """Always the whole payment: Airtel is not told an amount."""
        if order.amount != order.payment.amount or order.currency != order.payment.currency:
            sentence = "Airtel Money only refunds a whole payment. Give part of it back in cash."
            return Result(Status.DECLINED, "partial_not_supported", sentence)
        if not order.payment.receipt:
            sentence = "Airtel Money's receipt of this payment is not known, so it cannot be refunded there."
            return Result(Status.DECLINED, "receipt_unknown", sentence)
        body = compact({"transaction": {"airtel_money_id": order.payment.receipt}})
        return answers.refunded(self._connection.post("/standard/v1/payments/refund", body))

    def query_refund(self, order: RefundOrder) -> Result:
        """A refund has no name of its own: only the payment tells that it was reversed."""
        our_id = order.payment.gateway_id or self.id_of(order.payment.reference)
        found = answers.outcome(self._enquire(our_id), our_id, settled_absence=False)
        if found.details.get("reversed") == "true":
            return Result(
                Status.SUCCEEDED,
                found.code,
                "Refunded.",
                gateway_id=order.gateway_id,
                receipt=order.gateway_id,
            )
        sentence = "Airtel Money has not confirmed the refund yet."
        return Result(Status.PENDING, found.code, sentence, gateway_id=order.gateway_id)

    def authentic(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool | None:
        return hash_holds(self._settings.callback_key, body) if self._settings.callback_key else None

    def read(self, route: Route, body: bytes) -> Notice:
        return read_notice(body)

    @property
    def acknowledgement(self) -> Mapping[str, object]:
        return {"code": 200, "status": "SUCCESS"}

    def _enquire(self, our_id: str) -> Answer:
        wait = self._runtime.budget.take(self._budget, ENQUIRIES_PER_MINUTE)
        if wait > 0:
            raise RateLimited("Airtel Money is being asked too often. Wait a moment.", wait)
        answer = self._connection.get(f"/standard/v1/payments/{quote(our_id, safe='')}")
        if answer.status == 429:
            self._runtime.budget.drain(self._budget, answer.retry_after or 60.0)
        return answer

    def _refusal(self, order: ChargeOrder) -> Result | None:
        """What is known to be refused without asking Airtel."""
        if order.amount != order.amount.to_integral_value():
            return Result(Status.DECLINED, "amount_not_whole", "Airtel Money takes whole shillings only.")
        if not 1 <= order.amount <= self._settings.max_amount:
            sentence = f"Airtel Money takes payments from 1 to {self._settings.max_amount}."
            return Result(Status.DECLINED, "amount_out_of_range", sentence)
        if order.currency != self._settings.currency:
            return Result(Status.DECLINED, "currency", f"Airtel Money takes {self._settings.currency} only.")
        if not _PHONE.fullmatch(order.phone_number):
            return Result(
                Status.DECLINED, "phone_number", "Airtel Money needs the customer's Kenyan mobile number."
            )
        return None

    def _push_body(self, order: ChargeOrder) -> bytes:
        place = {"country": self._settings.country, "currency": self._settings.currency}
        our_id = self.id_of(order.reference)
        document = {
            "reference": (self.id_of(order.account) or our_id)[:64],
            "subscriber": {**place, "msisdn": order.phone_number[-9:]},
            "transaction": {"amount": int(order.amount), **place, "id": our_id},
        }
        return compact(document)
