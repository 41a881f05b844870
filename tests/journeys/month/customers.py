"""Customers with phones and cards, and gateways that pay out: what happens at the simulator."""

from dataclasses import dataclass

from django.utils import timezone

from apps.payments.models import GatewayCallback
from apps.payments.models import Refund as RefundRow
from apps.payments.services import work_on_refunds
from payments.simulator import Simulator
from tests.journeys.month.records import Payment, Refund
from tests.journeys.month.shop import PAYMENTS, REFUNDS, Shop

# Only its message proves that money came; the others are asked.
TELLS = "mpesa"


@dataclass
class Customers:
    """While the clock stands: whatever the gateway says is heard at that moment."""

    shop: Shop
    simulator: Simulator

    def pay(self, payment: Payment, name: str) -> None:
        """`name` is the phone number, of a card the reference of the payment."""
        self._act(payment, name)
        if payment.method == TELLS:
            shown = self.shop.shown(payment)
        else:
            shown = self.shop.wire.post("amina", f"{PAYMENTS}{payment.id}/verify/", status=200)
        assert shown["status"] == "success", shown
        assert shown["completed_at"] == timezone.localtime(self.shop.clock.now).isoformat()
        self.shop.books.settle(payment, self.shop.clock.now)

    def pay_unheard(self, payment: Payment, phone: str) -> None:
        """The gateway's message is lost."""
        self.simulator.switch_callbacks(False)
        self._act(payment, phone)
        self.simulator.switch_callbacks(True)

    def decline(self, payment: Payment, phone: str) -> None:
        self.simulator.decline(phone)
        self._hear()
        assert self.shop.shown(payment)["status"] == "cancelled"
        payment.state = "cancelled"

    def pay_out(self, refund: Refund) -> None:
        """The gateway sends the money of a refund that was approved."""
        self._hear()
        for _ in range(3):
            answer = self.shop.wire.get("amina", f"{REFUNDS}{refund.id}/")
            if answer["status"] == "completed":
                break
            RefundRow.objects.filter(pk=refund.id).update(next_query_at=self.shop.clock.now)
            work_on_refunds(refund.method)
        assert answer["status"] == "completed", answer
        self.shop.books.pay_out(refund, self.shop.clock.now)

    def _act(self, payment: Payment, name: str) -> None:
        if payment.method == "card":
            self.simulator.pay_card(name)
        else:
            self.simulator.enter_pin(name)
        self._hear()

    def _hear(self) -> None:
        """Until the simulator has nothing more to say, and the shop has done what it heard."""
        self.simulator.settle()
        self.simulator.wait_for(lambda: not GatewayCallback.objects.filter(state="received").exists())
