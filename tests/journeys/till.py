"""A till with gateways that answer: what the stories about payments are told with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.worker import Worker
from apps.products.models import Product
from conftest import client_of, make_user
from payments.simulator import Simulator
from tests.concurrency.shop import put_on_shelf
from tests.roles import OWNER, acting_as

API = "/api/payments/payments/"
REFUNDS = "/api/payments/refunds/"
PAYS = "0700000001"  # the customer confirms
AIRTEL_PAYS = "0733000001"
BY_HAND = "0712345678"  # waits for the person at the simulator


@dataclass
class Till:
    """One cashier, two administrators, milk at 116.00, and a simulator of the gateways."""

    simulator: Simulator
    milk: Product
    cashier: APIClient
    admin: APIClient
    owner: APIClient

    def sale(self, quantity: int = 1) -> dict[str, Any]:
        body = {"items": [{"product": self.milk.pk, "quantity": quantity}]}
        answer = self.cashier.post("/api/sales/sales/", body)
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    def pay(self, sale: dict[str, Any], method: str = "mpesa", phone: str = PAYS, **fields: Any) -> Any:
        """The answer of `initiate`, for the whole sale unless an amount is given."""
        key = fields.pop("key", None)
        body = {"sale": sale["id"], "method": method, "amount": sale["total"], **fields}
        if method in ("mpesa", "airtel"):
            body.setdefault("phone_number", phone)
        headers = {"Idempotency-Key": key} if key else {}
        return self.cashier.post(f"{API}initiate/", body, headers=headers)

    def payment(self, payment_id: int) -> dict[str, Any]:
        return dict(self.cashier.get(f"{API}{payment_id}/").json())

    def shown(self, sale: dict[str, Any]) -> dict[str, Any]:
        return dict(self.cashier.get(f"/api/sales/sales/{sale['id']}/").json())

    def messages(self, **wanted: Any) -> list[GatewayCallback]:
        return list(GatewayCallback.objects.filter(**wanted).order_by("id"))

    def refund(self, payment: dict[str, Any], amount: object = None, **fields: Any) -> Any:
        body = {"payment": payment["id"], "amount": amount or payment["amount"], "reason": "Returned"}
        return self.cashier.post(REFUNDS, {**body, **fields})

    def approve(self, refund: dict[str, Any], by: APIClient | None = None) -> Any:
        return (by or self.admin).post(f"{REFUNDS}{refund['id']}/approve/")

    def settle(self) -> None:
        """Until the simulator has nothing more to say and the shop, which answers first, has done what it heard."""
        self.simulator.settle()
        self.simulator.wait_for(lambda: not GatewayCallback.objects.filter(state="received").exists())

    def work(self, rounds: int = 1) -> None:
        """A round of the worker, to which everything is due."""
        for _ in range(rounds):
            now = timezone.now()
            Payment.objects.filter(next_query_at__isnull=False).update(next_query_at=now)
            Refund.objects.filter(next_query_at__isnull=False).update(next_query_at=now)
            GatewayCallback.objects.filter(next_try_at__isnull=False).update(next_try_at=now)
            Worker().run_once()
            self.settle()

    def age(self, payment: dict[str, Any], **by: float) -> None:
        """Makes the payment look as if it had been begun earlier."""
        before = timezone.now() - timedelta(**by)
        with acting_as(OWNER):
            Payment.objects.filter(pk=payment["id"]).update(initiated_at=before, sent_at=before)

    def pushes(self, path: str = "stkpush/v1") -> int:
        """How often the gateway was asked to ask the customer."""
        return sum(path in str(request) for request in self.simulator.requests())


def a_till(simulator: Simulator) -> Till:
    """The books must agree whatever the story was, which `closing_time` looks after."""
    return Till(
        simulator=simulator,
        milk=put_on_shelf(stock=1000),
        cashier=client_of(make_user("otieno", first_name="Otieno")),
        admin=client_of(make_user("amina", "admin", first_name="Amina")),
        owner=client_of(make_user("wafula", "admin", first_name="Wafula")),
    )
