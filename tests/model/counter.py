"""Where the model meets the shop: requests over the API, M-Pesa's side of a payment, and the rows compared."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.payments.addresses import token_of
from apps.payments.gateways import gateway_for
from apps.payments.models import Payment, Refund
from apps.products.models import StockLevel
from apps.sales.models import ReceiptCounter, Sale
from apps.sales.services import expire_sales
from payments import base
from payments.base import Attempt, ChargeOrder, Result
from tests.concurrency.racing import outcome
from tests.model.books import INVALID, Books, Refusal
from tests.model.books import Payment as PaymentInBooks
from tests.model.books import Sale as SaleInBooks

API = "/api"
SALE_FIELDS = (
    "status",
    "payment_status",
    "amount_paid",
    "amount_pending",
    "amount_refunded",
    "change",
    "receipt",
)
PAYMENT_FIELDS = (
    "status", "amount_received", "amount_applied", "amount_unapplied", "refund_reserved", "amount_refunded",
)  # fmt: skip


class Phones:
    """The customers' side at the gateway: each is asked once, and what is true of a payment stands here."""

    def __init__(self) -> None:
        self.truth: dict[str, Result] = {}
        self.asked = 0

    def start(self, order: ChargeOrder) -> Result:
        name = f"ws_CO_{order.reference}"
        assert name not in self.truth, "the customer was asked twice"
        self.asked += 1
        self.truth[name] = Result(base.Status.PENDING, gateway_id=name)
        return self.truth[name]

    def query(self, attempt: Attempt) -> Result:
        return self.truth[attempt.gateway_id]

    def decide(self, payment: Payment, paid: bool) -> bytes:
        """The message that M-Pesa sends of it."""
        name = payment.gateway_id
        call: dict[str, Any] = {"CheckoutRequestID": name, "MerchantRequestID": "1-2-3"}
        if paid:
            self.truth[name] = Result(base.Status.SUCCEEDED)
            values = {"Amount": int(payment.amount), "MpesaReceiptNumber": f"S{payment.pk:09d}"}
            items = [{"Name": name, "Value": value} for name, value in values.items()]
            call |= {"ResultCode": 0, "ResultDesc": "Done.", "CallbackMetadata": {"Item": items}}
        else:
            self.truth[name] = Result(base.Status.CANCELLED, "1032", "Cancelled by user.")
            call |= {"ResultCode": 1032, "ResultDesc": "Cancelled by user."}
        return json.dumps({"Body": {"stkCallback": call}}).encode()


@dataclass
class Answered:
    """A request with a key, and the first answer to it."""

    path: str
    body: Any
    key: str
    answer: HttpResponse


@dataclass
class Counter:
    """The till, the office, and everything that was answered to a key."""

    till: APIClient
    office: APIClient
    phones: Phones
    kept: list[Answered] = field(default_factory=list)

    def post(self, path: str, body: Any = None, wanted: Refusal = None, office: bool = False) -> Any:
        """What is answered, which must be a success or that refusal. With a key, always."""
        client, key = self.office if office else self.till, uuid4().hex
        answer = client.post(f"{API}{path}", body or {}, headers={"Idempotency-Key": key})
        _check(answer, wanted)
        if wanted is None and not office:
            self.kept.append(Answered(path, body or {}, key, answer))
        return answer.json()

    def again(self, kept: Answered) -> None:
        answer = self.till.post(f"{API}{kept.path}", kept.body, headers={"Idempotency-Key": kept.key})
        assert (answer.status_code, answer.content) == (kept.answer.status_code, kept.answer.content)
        assert answer.headers["Idempotent-Replayed"] == "true"

    def another_body(self, kept: Answered) -> None:
        body = {**kept.body, "notes": "Something else"}
        answer = self.till.post(f"{API}{kept.path}", body, headers={"Idempotency-Key": kept.key})
        assert outcome(answer) == (422, "idempotency_key_reused")

    def bring(self, payment: PaymentInBooks, message: bytes) -> None:
        reference = Payment.objects.get(pk=payment.id).transaction_reference
        path = f"{API}/payments/webhooks/daraja/{token_of(reference)}/"
        answer = self.till.generic("POST", path, message, content_type="application/json")
        assert (answer.status_code, answer.json()["ResultCode"]) == (200, 0)

    def older(self, payment: PaymentInBooks) -> None:
        """A prompt may be given up after some minutes."""
        Payment.objects.filter(pk=payment.id).update(initiated_at=timezone.now() - timedelta(minutes=5))

    def abandoned(self, sale: SaleInBooks) -> bool:
        """Nobody has come to pay it for two days: whether it expires."""
        before = Sale.objects.get(pk=sale.id)
        Sale.objects.filter(pk=sale.id).update(created_at=timezone.now() - timedelta(days=2))
        expired = expire_sales()
        # What did not expire is put back, or it would expire later on.
        Sale.objects.filter(pk=sale.id).update(created_at=before.created_at)
        return expired == 1

    def late_refund(self, payment: PaymentInBooks) -> int:
        return int(Refund.objects.filter(payment=payment.id, requested_by=None).latest("id").pk)


def _check(answer: HttpResponse, wanted: Refusal) -> None:
    assert answer.status_code < 500, answer.content
    if wanted is None:
        assert answer.status_code in (200, 201), (answer.status_code, answer.content)
    elif wanted == INVALID:
        assert answer.status_code == 400, answer.content
    else:
        assert outcome(answer) == (409, wanted), answer.content


def a_gateway(phones: Phones) -> Any:
    """M-Pesa, with these phones in the place of its wire."""
    gateway: Any = gateway_for("mpesa")
    gateway.start, gateway.query = phones.start, phones.query
    return gateway


def assert_same(books: Books) -> None:
    """Every row of theirs says what the books say."""
    last = ReceiptCounter.objects.values_list("last", flat=True).first() or 0
    assert last == books.receipts
    levels = StockLevel.objects.filter(pk__in=books.stock).values_list("pk", "quantity")
    assert dict(levels) == books.stock
    assert _rows(Sale, SALE_FIELDS, books.sales) == {
        sale.id: (
            sale.status, sale.payment_status, sale.paid, sale.pending, sale.refunded, sale.change, sale.receipt
        )
        for sale in books.sales
    }  # fmt: skip
    assert _rows(Payment, PAYMENT_FIELDS, books.payments) == {
        row.id: (row.status, row.received, row.applied, row.unapplied, row.reserved, row.refunded)
        for row in books.payments
    }
    refunds = _rows(Refund, ("status", "amount"), books.refunds)
    assert refunds == {refund.id: (refund.status, refund.amount) for refund in books.refunds}


def _rows(model: Any, fields: tuple[str, ...], wanted: list[Any]) -> dict[int, tuple[Any, ...]]:
    found = model.objects.filter(pk__in=[row.id for row in wanted]).values_list("pk", *fields)
    return {pk: tuple(values) for pk, *values in found}
