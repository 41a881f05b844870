"""Cards: whatever page, redirect and webhook do, only what the gateway verifies is money."""

from contextlib import suppress

import pytest

from payments.simulator import Impossible
from tests.journeys.till import API, Till

pytestmark = pytest.mark.usefixtures("own_role")

# mode of the gateway: the payment's status, part of what a person is told, states of the messages
MODES = {
    "no-webhook": ("success", "", []),
    "duplicate-webhook": ("success", "", ["asked", "asked", "asked"]),
    "bad-signature": ("success", "", ["rejected"]),
    "unsigned": ("success", "", ["rejected"]),
    "altered-webhook": ("success", "", ["rejected"]),
    "rotated-secret": ("success", "", ["rejected"]),
    "fees-added": ("success", "", ["asked"]),
    "lower-amount": ("processing", "only KES 115.00 of KES 116.00", ["asked"]),
    "other-currency": ("processing", "took NGN", ["asked"]),
    "other-domain": ("processing", "domain_differs", ["asked"]),
    "dispute": ("success", "disputes this payment", ["asked", "applied"]),
}


@pytest.mark.parametrize("mode", MODES)
def test_only_what_is_verified_is_money(till: Till, mode: str) -> None:
    till.simulator.set_mode("card", mode)
    sale = till.sale()
    payment = till.pay(sale, "card").json()
    with suppress(Impossible):  # in some modes the customer pays without being told to
        till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    till.work(2)
    status, told, states = MODES[mode]
    seen = till.payment(payment["id"])
    assert seen["status"] == status
    assert told in seen["attention"]
    assert bool(seen["attention"]) == bool(told)
    assert [message.state.replace("repeated", "asked") for message in till.messages()] == states
    assert till.shown(sale)["amount_paid"] == ("116.00" if status == "success" else "0.00")


def test_declined_and_paid_otherwise(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "card").json()
    till.simulator.decline_card(payment["transaction_reference"])
    till.work()
    assert till.payment(payment["id"])["status"] == "failed"
    assert till.pay(sale, "cash").status_code == 201


def test_a_page_that_nobody_pays_is_given_up(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "card").json()
    till.simulator.abandon_card(payment["transaction_reference"])
    till.work()
    assert till.payment(payment["id"])["status"] == "processing"
    till.age(payment, minutes=61)
    till.work()
    assert till.payment(payment["id"])["status"] == "cancelled"


def test_the_cashier_gives_the_page_up_and_the_customer_pays_all_the_same(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "card").json()
    assert till.cashier.post(f"{API}{payment['id']}/cancel/").json()["status"] == "cancelled"
    assert till.pay(sale, "cash").status_code == 201
    till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    till.work()
    late = till.payment(payment["id"])
    assert (late["status"], late["metadata"]["late_money"]) == ("success", "116.00")
    assert till.shown(sale)["amount_paid"] == "116.00"


def test_coming_back_from_the_page_asks_the_gateway(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "card").json()
    address = till.simulator.world.state.cards[payment["transaction_reference"]].callback_url
    path = address.partition("/api/")[2]
    assert "Being checked" in till.cashier.get(f"/api/{path}").content.decode()
    till.simulator.set_mode("card", "no-webhook")
    till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    page = till.cashier.get(f"/api/{path}?reference=forged").content.decode()
    assert "Payment received" in page
    assert till.shown(sale)["status"] == "completed"
    assert "Unknown payment" in till.cashier.get("/api/payments/webhooks/card/callback/").content.decode()


def test_a_card_number_is_refused_unread(till: Till) -> None:
    sale = till.sale()
    for number in ("4111 1111 1111 1111", "5555-5555-5555-4444", 4111111111111111):
        refused = till.pay(sale, "card", account_number=number)
        assert refused.status_code == 400
        assert "4111" not in refused.content.decode()
        assert list(refused.json()) == ["account_number"]
    assert till.pay(sale, "card", card_number="x").status_code == 400
