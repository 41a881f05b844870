"""What becomes of a refund, whatever the gateway does with it: one request, one outcome, or a person is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.payments.models import Refund
from tests.journeys.till import REFUNDS, Till

pytestmark = pytest.mark.usefixtures("own_role")

MPESA = {
    70: ("failed", "1"),
    71: ("failed", "11"),
    72: ("failed", "21"),
    74: ("failed", "8006"),
    75: ("completed", ""),  # it had been reversed before
    76: ("failed", "R000002"),
    77: ("completed", ""),  # left in the gateway's queue, then asked about
    78: ("completed", ""),
    79: ("completed", ""),  # no outcome was sent
    80: ("processing", "R000002"),  # the gateway has no trace of it: a person decides
    81: ("completed", ""),
    82: ("completed", ""),
    83: ("completed", ""),
    84: ("completed", ""),  # the line broke, the outcome came
    85: ("processing", "0"),
    86: ("completed", ""),
}
AIRTEL = {
    70: ("failed", "ESB000011"),
    72: ("completed", ""),
    73: ("completed", ""),
    74: ("completed", ""),
    75: ("processing", "outcome_unknown"),
}
CARD = {
    "refund-failed": ("failed", "failed"),
    "refund-needs-attention": ("failed", "needs-attention"),  # its amount is free again
    "refund-at-once": ("completed", ""),
    "refund-silent": ("completed", ""),
    "refund-dropped": ("completed", ""),
    "refund-html-502": ("processing", "outcome_unknown"),
}


def refunded(till: Till, method: str, phone: str, *, mode: str = "", amount: str = "116.00") -> Refund:
    """A payment, and its refund after some rounds of the worker."""
    payment = till.pay(till.sale(), method, phone).json()
    if method == "card":
        till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    till.work()
    if mode:
        till.simulator.set_mode(method, mode)
    refund = till.refund(payment, amount).json()
    assert till.approve(refund).status_code == 200
    till.settle()
    till.work(3)
    return Refund.objects.select_related("payment").get(pk=refund["id"])


@pytest.mark.parametrize("mode", MPESA)
def test_mpesa_reversals(till: Till, mode: int) -> None:
    refund = refunded(till, "mpesa", f"07000000{mode}")
    assert (refund.status, refund.error_code) == MPESA[mode]
    assert till.pushes("reversal/v1") == 1


@pytest.mark.parametrize("mode", AIRTEL)
def test_airtel_refunds(till: Till, mode: int) -> None:
    refund = refunded(till, "airtel", f"07330000{mode}")
    assert (refund.status, refund.error_code) == AIRTEL[mode]
    assert till.pushes("payments/refund") == 1


@pytest.mark.parametrize("mode", CARD)
def test_card_refunds(till: Till, mode: str) -> None:
    refund = refunded(till, "card", "", mode=mode, amount="16.00")
    assert (refund.status, refund.error_code) == CARD[mode]


def test_a_failed_refund_may_be_asked_for_again(till: Till) -> None:
    refund = refunded(till, "mpesa", "0700000070")
    again = till.refund({"id": refund.payment_id, "amount": "116.00"}, in_cash=True)
    assert again.status_code == 201
    assert till.approve(again.json()).json()["status"] == "completed"
    refund.payment.refresh_from_db()
    assert refund.payment.status == "refunded"


def test_a_refund_that_hangs_is_shown_and_settled_by_a_person(till: Till) -> None:
    refund = refunded(till, "mpesa", "0700000080")
    assert till.refund({"id": refund.payment_id, "amount": "1.00"}).json()["code"] == "refund_exceeds_payment"
    Refund.objects.update(sent_at=timezone.now() - timedelta(hours=1))
    till.work()
    address = f"{REFUNDS}{refund.pk}/"
    assert "settle it by hand" in till.owner.get(address).json()["attention"]
    assert till.cashier.post(f"{address}settle/", {"outcome": "completed"}).status_code == 403

    settled = till.owner.post(f"{address}settle/", {"outcome": "completed", "reference": "SGH7XK21PQ"}).json()

    assert (settled["status"], settled["external_reference"]) == ("completed", "SGH7XK21PQ")
    assert (
        till.owner.post(f"{address}settle/", {"outcome": "failed"}).json()["code"] == "refund_not_settleable"
    )


def test_only_one_refund_of_a_payment_is_on_its_way(till: Till) -> None:
    payment = till.pay(till.sale(), phone="0700000079").json()
    till.settle()
    first, second = (till.refund(payment, amount).json() for amount in ("50.00", "66.00"))
    till.simulator.switch_callbacks(False)
    assert till.approve(first).json()["status"] == "processing"
    waiting = till.approve(second)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "refund_in_progress")


def test_a_rejected_refund_frees_the_amount(till: Till) -> None:
    payment = till.pay(till.sale(), "cash").json()
    refund = till.refund(payment).json()
    rejected = till.admin.post(f"{REFUNDS}{refund['id']}/reject/").json()
    assert (rejected["status"], rejected["approved_by_name"]) == ("rejected", "Amina")
    assert till.approve(refund).json()["code"] == "refund_not_pending"
    assert till.refund(payment).status_code == 201


def test_a_shop_of_one_person_may_approve_its_own(till: Till, settings: object) -> None:
    payment = till.pay(till.sale(), "cash").json()
    asked = till.admin.post(REFUNDS, {"payment": payment["id"], "amount": "1.00", "reason": "x"}).json()
    assert till.approve(asked).json()["code"] == "own_refund"
    settings.ALLOW_SELF_APPROVAL = True  # type: ignore[attr-defined]
    assert till.approve(asked).json()["status"] == "completed"
