"""Cards: the customer pays on the gateway's own page; only a verification says whether money came."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

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
from payments.cards.amounts import wire_amount
from payments.cards.callbacks import read_notice
from payments.cards.connection import Connection
from payments.cards.payments import page_of, verified
from payments.cards.refunds import fetched_refund, find_refund, refund_result
from payments.cards.settings import CardSettings, read_settings
from payments.cards.signatures import signature_holds
from payments.redaction import blank_text
from payments.runtime import Runtime
from payments.values import text_of

# A request may still be on its way inside the gateway when the question about it is already answered.
ABSENCE_IS_BELIEVED_AFTER = timedelta(minutes=3)


def from_settings(settings: Mapping[str, str], runtime: Runtime) -> Gateway | None:
    """The gateway, or None without credentials. Raises `Misconfigured`."""
    found = read_settings(settings)
    return None if found is None else CardGateway(found, runtime)


class CardGateway(Gateway):
    """One account. Our reference is also the gateway's, and it takes each only once."""

    method = "card"

    def __init__(self, settings: CardSettings, runtime: Runtime) -> None:
        self.environment = "sandbox" if settings.mode == "test" else "production"
        self._settings = settings
        self._runtime = runtime
        self._connection = Connection(settings)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            label="Card payment",
            needs_phone=False,
            whole_units=False,
            hosted_page=True,
            minimum=Decimal(1),
            maximum=self._settings.max_amount,
            currencies=frozenset({self._settings.currency}),
            refunds=True,
            partial_refunds=True,
            callback_is_proof=False,
            query_by_reference=True,
        )

    def id_of(self, reference: str) -> str:
        return reference

    def start(self, order: ChargeOrder) -> Result:
        refusal = self._refusal(order)
        if refusal:
            return refusal
        document = {
            "email": order.email or self._settings.email,
            "amount": wire_amount(order.amount, self._settings.minor_unit),
            "currency": order.currency,
            "reference": order.reference,
            "callback_url": order.callback_url,
            "channels": list(self._settings.channels),
            "metadata": {"sale": order.account},
        }
        return page_of(self._connection.post("/transaction/initialize", document), order)

    def query(self, attempt: Attempt) -> Result:
        reference = attempt.gateway_id or attempt.reference
        answer = self._connection.get(f"/transaction/verify/{quote(reference, safe='')}")
        return verified(answer, attempt, self._settings, settled_absence=self._old(attempt.started_at))

    def refund(self, order: RefundOrder) -> Result:
        amount = wire_amount(order.amount, self._settings.minor_unit)
        document = {
            "transaction": order.payment.gateway_id or order.payment.reference,
            "amount": int(amount) if self._settings.minor_unit else amount,
            "currency": order.currency,
            "customer_note": blank_text(text_of(order.reason)),
            # The only place for our own name of the refund; it is what a lost refund is found by.
            "merchant_note": order.reference,
        }
        return refund_result(self._connection.post("/refund", document), order, self._settings)

    def query_refund(self, order: RefundOrder) -> Result:
        if order.gateway_id:
            answer = self._connection.get(f"/refund/{quote(order.gateway_id, safe='')}")
            return fetched_refund(answer, order, self._settings)
        return find_refund(
            lambda query: self._connection.get("/refund", query),
            order,
            self._settings,
            # A cashier may have asked for it long before; what counts is when it was sent.
            settled_absence=self._old(order.sent_at or self._runtime.now()),
        )

    def authentic(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool | None:
        rule = self._settings.signature
        return signature_holds(rule, headers.get(rule.header, ""), body, now)

    def read(self, route: Route, body: bytes) -> Notice:
        return read_notice(body, self._settings.minor_unit)

    @property
    def acknowledgement(self) -> Mapping[str, object]:
        return {"status": True}

    def _old(self, moment: datetime) -> bool:
        return self._runtime.now() - moment >= ABSENCE_IS_BELIEVED_AFTER

    def _refusal(self, order: ChargeOrder) -> Result | None:
        """What is known to be refused without asking the gateway."""
        if not 1 <= order.amount <= self._settings.max_amount or order.amount != round(order.amount, 2):
            sentence = (
                f"The card gateway takes payments from 1 to {self._settings.max_amount}, in whole cents."
            )
            return Result(Status.DECLINED, "amount_out_of_range", sentence)
        if order.currency != self._settings.currency:
            return Result(
                Status.DECLINED, "currency", f"The card gateway takes {self._settings.currency} only."
            )
        return None
