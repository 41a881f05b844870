"""One sale, who may act at it, and what must be true of it afterwards: for playing two actors in every order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.inventory.models import Movement
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.services import work_on_inbox, work_on_payments, work_on_refunds
from apps.payments.states import OPEN, SETTLED
from apps.products.models import Product
from apps.sales.models import Sale
from apps.sales.services import expire_sales
from payments.simulator import keys
from tests.concurrency.racing import outcome
from tests.concurrency.shop import cancel, pay, sell, tills
from tests.faults.daraja import DECLINED, PAID, Daraja, Prompt
from tests.journeys.till import API, PAYS, REFUNDS

SETTINGS = {
    "MPESA_BASE_URL": "http://daraja.invalid",
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "passkey",
    "MPESA_INITIATOR_NAME": "testapi",
    "MPESA_INITIATOR_PASSWORD": "password",
    "MPESA_CERTIFICATE": keys.certificate().decode(),
}
PRICE = Decimal(116)
LONG_AGO = timedelta(hours=3)


@dataclass
class Shop:
    """What stays the same from one order of events to the next."""

    daraja: Daraja
    milk: Product
    cashier: APIClient
    admin: APIClient


@dataclass
class Scene:
    """One sale, and who acts at it. Each actor answers what it was answered."""

    shop: Shop
    sale: int
    account: str  # the sale, as the customer reads it

    def checkout(self) -> Any:
        body = {"items": [{"product": self.shop.milk.pk, "quantity": 1}], "amount_paid": "116.00"}
        return outcome(sell(self.shop.cashier, body))

    def cash(self) -> Any:
        return outcome(pay(self.shop.cashier, self.sale))

    def prompt(self) -> Any:
        body = {"sale": self.sale, "method": "mpesa", "amount": "116.00", "phone_number": PAYS}
        return outcome(self.shop.cashier.post(f"{API}initiate/", body))

    def cancel(self) -> Any:
        return outcome(cancel(self.shop.cashier, self.sale))

    def expire(self) -> Any:
        expire_sales()

    def paid(self) -> Any:
        """The customer has paid, and M-Pesa says so."""
        return self._hear(PAID)

    def declined(self) -> Any:
        return self._hear(DECLINED)

    def worker(self) -> Any:
        Payment.objects.filter(sale=self.sale, next_query_at__isnull=False).update(
            next_query_at=timezone.now()
        )
        work_on_payments("mpesa")

    def verify(self) -> Any:
        return [outcome(self.shop.cashier.post(f"{API}{id_}/verify/")) for id_ in self._payments()]

    def confirm(self) -> Any:
        prompt = self._last_prompt()
        body = {"reference": prompt.receipt if prompt else "SGH7XK21PQ"}
        return [outcome(self.shop.admin.post(f"{API}{id_}/confirm/", body)) for id_ in self._payments()]

    def give_up(self) -> Any:
        return [outcome(self.shop.admin.post(f"{API}{id_}/cancel/")) for id_ in self._payments()[:1]]

    def approve(self) -> Any:
        return [outcome(self.shop.admin.post(f"{REFUNDS}{id_}/approve/")) for id_ in self._refunds()]

    def reject(self) -> Any:
        return [outcome(self.shop.admin.post(f"{REFUNDS}{id_}/reject/")) for id_ in self._refunds()]

    def sent_back(self) -> Any:
        """M-Pesa says that the money has gone back, if it was told to send it."""
        for reversal in self.shop.daraja.reversals:
            if reversal.prompt in self.prompts():
                self._bring(*self.shop.daraja.result(reversal))

    def refund_worker(self) -> Any:
        due = Refund.objects.filter(payment__sale=self.sale, next_query_at__isnull=False)
        due.update(next_query_at=timezone.now())
        work_on_refunds("mpesa")

    def prompts(self) -> list[Prompt]:
        """What customers of this sale were asked."""
        return [prompt for prompt in self.shop.daraja.prompts if prompt.account == self.account]

    def _last_prompt(self) -> Prompt | None:
        return next(reversed(self.prompts()), None)

    def _hear(self, outcome_: str) -> None:
        prompt = self._last_prompt()
        if prompt is None:
            return
        prompt.outcome = prompt.outcome or outcome_
        self._bring(*self.shop.daraja.message(prompt, outcome_))

    def _bring(self, path: str, body: bytes) -> None:
        answer: HttpResponse = tills(None, 1)[0].generic("POST", path, body, content_type="application/json")
        assert answer.status_code == 200, answer.content

    def _payments(self) -> list[int]:
        return list(
            Payment.objects.filter(sale=self.sale, method="mpesa").order_by("id").values_list("id", flat=True)
        )

    def _refunds(self) -> list[int]:
        return list(
            Refund.objects.filter(payment__sale=self.sale).order_by("id").values_list("id", flat=True)
        )[:1]


def unpaid(shop: Shop, quantity: int = 1) -> Scene:
    """Goods taken hours ago that nobody has paid."""
    body = {"items": [{"product": shop.milk.pk, "quantity": quantity}]}
    sale = sell(shop.cashier, body).json()["id"]
    Sale.objects.filter(pk=sale).update(created_at=timezone.now() - LONG_AGO)
    return Scene(shop, sale, f"S{Sale.objects.get(pk=sale).number:06d}")


def asked(shop: Shop, truth: str, quantity: int = 1) -> Scene:
    """The customer was asked a while ago and has decided; the shop does not know it yet."""
    scene = unpaid(shop, quantity)
    assert scene.prompt() == (201, None)
    (prompt,) = scene.prompts()
    prompt.outcome = truth
    before = timezone.now() - timedelta(minutes=5)
    Payment.objects.filter(sale=scene.sale).update(initiated_at=before, sent_at=before)
    return scene


def asked_back(shop: Shop, quantity: int = 1) -> Scene:
    """A payment by phone that has come, of the whole sale or of half of it, and that the customer wants back."""
    scene = asked(shop, PAID, quantity)
    scene.paid()
    payment = Payment.objects.get(sale=scene.sale)
    body = {"payment": payment.pk, "amount": "116.00", "reason": "Sour"}
    assert shop.cashier.post(REFUNDS, body).status_code == 201
    return scene


SCENES: dict[str, Callable[[Shop], Scene]] = {
    "unpaid": unpaid,
    "paid by phone, not heard of": lambda shop: asked(shop, PAID),
    "declined on the phone, not heard of": lambda shop: asked(shop, DECLINED),
    "half paid, refund asked for": lambda shop: asked_back(shop, 2),
    "paid, refund asked for": asked_back,
}


def in_the_end(scene: Scene) -> None:
    """Whatever is still due is done, twice over, so that what a first round has left is done too."""
    for _ in range(2):
        now = timezone.now()
        GatewayCallback.objects.filter(next_try_at__isnull=False).update(next_try_at=now)
        Payment.objects.filter(sale=scene.sale, next_query_at__isnull=False).update(next_query_at=now)
        Refund.objects.filter(payment__sale=scene.sale, next_query_at__isnull=False).update(next_query_at=now)
        for work in (lambda: work_on_payments("mpesa"), lambda: work_on_refunds("mpesa"), work_on_inbox):
            while work():
                pass
        scene.sent_back()


def assert_nothing_lost(scene: Scene) -> None:
    """The shop knows what M-Pesa knows; each shilling that came is on the sale, went back or waits to (I12, I13)."""
    sale = Sale.objects.get(pk=scene.sale)
    truth = {prompt.id: prompt for prompt in scene.prompts()}
    payments = list(Payment.objects.filter(sale=sale, method="mpesa"))
    assert {payment.gateway_id for payment in payments} >= set(truth)
    for payment in payments:
        prompt = truth.get(payment.gateway_id)
        if prompt is None or not prompt.outcome:
            assert payment.status in (*OPEN, "failed", "cancelled")
        elif prompt.outcome == PAID:
            assert (payment.status in SETTLED, payment.amount_received) == (True, payment.amount)
        else:
            assert (payment.status in ("failed", "cancelled"), payment.amount_received) == (True, 0)
        waits = Refund.objects.filter(payment=payment, status__in=["pending", "processing"])
        assert sum(refund.amount for refund in waits) >= payment.amount_unapplied
        assert prompt is None or prompt.sent_back <= 1
    assert (sale.status == "completed") == (sale.receipt is not None)
    back = Movement.objects.filter(cause=f"cancel:{sale.pk}").count()
    assert back == (1 if sale.status == "cancelled" else 0)


def books(scene: Scene) -> Any:
    """All that two orders of events may differ in."""
    sale = Sale.objects.get(pk=scene.sale)
    payments = Payment.objects.filter(sale=sale).order_by("id")
    refunds = Refund.objects.filter(payment__sale=sale).order_by("id")
    return (
        (sale.status, sale.payment_status, sale.amount_paid, sale.amount_pending, sale.amount_refunded),
        sorted(
            payments.values_list("method", "status", "amount_received", "amount_applied", "amount_unapplied")
        ),
        sorted(refunds.values_list("status", "amount", "from_sale")),
    )


def leave(scene: Scene) -> None:
    """Nothing of it is due any more, or one day would be another's."""
    Sale.objects.filter(pk=scene.sale).update(created_at=F("created_at") + LONG_AGO)
    Payment.objects.filter(sale=scene.sale).update(next_query_at=None)
    Refund.objects.filter(payment__sale=scene.sale).update(next_query_at=None)
    GatewayCallback.objects.update(next_try_at=None)
