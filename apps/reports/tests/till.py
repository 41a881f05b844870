"""A shop whose clock the tests set: what is sold, paid, refunded and cancelled through the API, and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from rest_framework.test import APIClient

from apps.products.models import Product
from apps.users.models import User

SALES = "/api/sales/sales/"
PAYMENTS = "/api/payments/payments/"
REFUNDS = "/api/payments/refunds/"


@dataclass
class Clock:
    """In the place of `django.utils.timezone.now`."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def set(self, text: str, fold: int = 0) -> datetime:
        """`2026-03-02 09:15` of the shop's day; with `fold` the second time that a clock shows it."""
        zone = ZoneInfo(settings.TIME_ZONE)
        self.moment = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
        return self.moment


def signed_in(user: User) -> APIClient:
    """A device whose sign-in does not end when the clock is set."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@dataclass
class Till:
    """`goods` by a short name; who may do what is the API's business."""

    clock: Clock
    goods: dict[str, Product]
    admin: APIClient
    owner: APIClient

    def sell(self, who: APIClient, when: str, lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """`lines` are quantities by the goods' names, or (quantity, discount)."""
        self.clock.set(when)
        items = []
        for name, what in lines.items():
            quantity, discount = what if isinstance(what, tuple) else (what, "0.00")
            items.append({"product": self.goods[name].pk, "quantity": quantity, "discount": discount})
        return self._made(who.post(SALES, {"items": items, **fields}))

    def pay(
        self, who: APIClient, when: str, sale: dict[str, Any], amount: str, method: str = "cash"
    ) -> dict[str, Any]:
        """Cash, or a transfer that is confirmed at once."""
        self.clock.set(when)
        body = {"sale": sale["id"], "method": method, "amount": amount}
        payment = self._made(who.post(f"{PAYMENTS}initiate/", body))
        if method == "bank":
            reference = {"reference": f"BANK-{payment['id']}"}
            payment = self._made(self.admin.post(f"{PAYMENTS}{payment['id']}/confirm/", reference))
        return payment

    def refund(self, who: APIClient, when: str, payment: int, amount: str) -> dict[str, Any]:
        """Asked for and approved."""
        self.clock.set(when)
        body = {"payment": payment, "amount": amount, "reason": "Returned"}
        refund = self._made(who.post(REFUNDS, body))
        return self._made(self.owner.post(f"{REFUNDS}{refund['id']}/approve/"))

    def cancel(self, who: APIClient, when: str, sale: dict[str, Any]) -> dict[str, Any]:
        self.clock.set(when)
        return self._made(who.post(f"{SALES}{sale['id']}/cancel/"))

    @staticmethod
    def _made(answer: Any) -> dict[str, Any]:
        assert answer.status_code in (200, 201), answer.content
        return dict(answer.json())
