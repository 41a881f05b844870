"""Payments as they are lived at a till: each story goes through HTTP, against gateways that speak their real wire."""

import pytest

from apps.payments.models import GatewayCallback, Payment, Refund
from tests.journeys.till import AIRTEL_PAYS, API, BY_HAND, PAYS, REFUNDS, Till

pytestmark = pytest.mark.usefixtures("own_role")


def test_mpesa_from_the_prompt_to_the_receipt(till: Till) -> None:
    sale = till.sale()
    begun = till.pay(sale, phone="0712 345 678")
    assert begun.status_code == 201
    payment = begun.json()
    assert (payment["status"], payment["phone_number"]) == ("processing", "254712345678")
    assert till.shown(sale)["status"] == "pending"

    prompt = till.simulator.wait_for_prompt(BY_HAND)
    assert prompt["amount"] == 116
    till.simulator.enter_pin(BY_HAND)
    till.settle()

    paid = till.payment(payment["id"])
    assert (paid["status"], len(paid["external_reference"])) == ("success", 10)
    shown = till.shown(sale)
    assert (shown["status"], shown["payment_method"], shown["receipt_number"]) == (
        "completed",
        "M-Pesa",
        "000001",
    )
    (message,) = till.messages()
    assert (message.state, message.success, str(message.amount)) == ("applied", True, "116.00")


def test_airtel_asks_before_it_believes(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "airtel", AIRTEL_PAYS).json()
    till.settle()
    assert till.payment(payment["id"])["status"] == "processing"
    (message,) = till.messages()
    assert (message.state, message.amount) == ("asked", None)

    till.work()

    assert till.payment(payment["id"])["status"] == "success"
    assert till.shown(sale)["payment_method"] == "Airtel Money"


def test_a_card_is_paid_at_the_gateways_page(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "card").json()
    assert payment["payment_url"].startswith(till.simulator.base_url)

    till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    till.work()

    paid = till.payment(payment["id"])
    assert (paid["status"], till.shown(sale)["payment_method"]) == ("success", "Card")
    assert paid["metadata"]["gateway"]["last4"].isdecimal()


def test_a_sale_split_over_cash_phone_and_card(till: Till) -> None:
    sale = till.sale(3)
    assert till.pay(sale, "cash", amount="48.00").status_code == 201
    phone = till.pay(sale, amount="200.00").json()
    card = till.pay(sale, "card", amount="100.00").json()
    taken = till.pay(sale, "cash", amount="1.00")
    assert (taken.status_code, taken.json()["code"]) == (409, "payment_in_progress")

    till.simulator.pay_card(card["transaction_reference"])
    till.settle()
    till.work()

    shown = till.shown(sale)
    assert (shown["status"], shown["payment_method"], shown["amount_paid"]) == (
        "completed",
        shown["payment_method"],
        "348.00",
    )
    assert sorted(shown["payment_method"].split(" + ")) == ["Card", "Cash", "M-Pesa"]
    assert till.payment(phone["id"])["status"] == "success"


CODES = {
    "0700000002": ("failed", "1"),
    "0700000003": ("cancelled", "1032"),
    "0700000004": ("failed", "1037"),
    "0700000005": ("failed", "1019"),
    "0700000006": ("failed", "2001"),
    "0700000007": ("failed", "1001"),
    "0700000008": ("failed", "26"),
    "0700000009": ("failed", "1025"),
    "0700000010": ("failed", "9999"),
    "0700000011": ("failed", "2"),
    "0700000012": ("failed", "3"),
    "0700000013": ("failed", "4"),
    "0700000014": ("failed", "8"),
    "0700000015": ("failed", "17"),
    "0700000016": ("failed", "1036"),
    "0700000017": ("failed", "2028"),
    "0700000018": ("failed", "8006"),
    "0700000019": ("failed", "SFC_IC0003"),
}


@pytest.mark.parametrize(("phone", "status", "code"), [(phone, *seen) for phone, seen in CODES.items()])
def test_each_result_code_tells_the_cashier_what_to_do(
    till: Till, phone: str, status: str, code: str
) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone=phone).json()
    till.settle()

    failed = till.payment(payment["id"])
    assert (failed["status"], failed["error_code"]) == (status, code)
    assert failed["error_message"].endswith(".")
    assert till.pay(sale, "cash").status_code == 201, "the amount is free again"


def test_an_unknown_code_is_for_a_person(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone="0700000021").json()
    till.settle()

    unclear = till.payment(payment["id"])
    assert (unclear["status"], unclear["error_code"]) == ("processing", "7777")
    assert "7777" in unclear["attention"]
    assert till.shown(sale)["status"] == "pending"


def test_a_lost_callback_is_found_out(till: Till) -> None:
    till.simulator.switch_callbacks(False)
    sale = till.sale()
    payment = till.pay(sale).json()
    till.settle()
    assert till.messages() == []

    till.work()

    assert till.payment(payment["id"])["status"] == "success"
    assert till.shown(sale)["status"] == "completed"


def test_the_receipt_of_a_payment_without_callback_is_fetched(till: Till) -> None:
    payment = till.pay(till.sale(), phone="0700000032").json()
    till.settle()
    till.work()
    assert till.payment(payment["id"])["external_reference"] is None

    till.work()

    assert len(till.payment(payment["id"])["external_reference"]) == 10


def test_a_callback_before_our_own_answer(till: Till) -> None:
    payment = till.pay(till.sale(), phone="0700000031").json()
    till.settle()
    till.work()
    assert till.payment(payment["id"])["status"] == "success"
    assert [message.state for message in till.messages()] == ["applied"]


@pytest.mark.parametrize("phone", ["0700000030", "0700000035", "0700000036", "0700000037", "0700000041"])
def test_repeated_and_odd_callbacks_settle_once(till: Till, phone: str) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone=phone).json()
    till.settle()
    till.work()
    paid = till.payment(payment["id"])
    assert (paid["status"], paid["amount_refunded"]) == ("success", "0.00")
    assert till.shown(sale)["amount_paid"] == "116.00"


def test_the_same_callback_three_times_is_kept_once(till: Till) -> None:
    till.pay(till.sale(), phone="0700000030")
    till.settle()
    (message,) = till.messages()
    assert (message.state, message.repeats) == ("applied", 2)


@pytest.mark.parametrize("phone", ["0700000034", "0700000040"])
def test_money_that_comes_after_a_failure_is_taken(till: Till, phone: str) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone=phone).json()
    till.settle()
    till.work()
    till.settle()
    till.work()
    assert till.payment(payment["id"])["status"] == "success"
    assert till.shown(sale)["status"] == "completed"


def test_a_query_that_contradicts_changes_nothing(till: Till) -> None:
    payment = till.pay(till.sale(), phone="0700000047").json()
    till.settle()
    assert till.cashier.post(f"{API}{payment['id']}/verify/").json()["status"] == "success"
    till.work()
    assert till.payment(payment["id"])["status"] == "success"


@pytest.mark.parametrize("phone", ["0700000038", "0700000039"])
def test_forged_callbacks_are_kept_and_not_believed(till: Till, phone: str) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone=phone).json()
    till.simulator.wait_for(lambda: GatewayCallback.objects.exists())
    till.settle()

    assert {message.state for message in till.messages(success=True)} == {"rejected"}
    assert Payment.objects.filter(pk=payment["id"], amount_received__gt=0).count() == 0
    till.work()
    # The gateway itself decides: the first really paid, the second did not.
    expected = "success" if phone == "0700000038" else "cancelled"
    assert till.payment(payment["id"])["status"] == expected


def test_the_line_breaks_after_the_push(till: Till) -> None:
    """The customer may have the prompt: nobody asks a second time, and the money is found."""
    sale = till.sale()
    begun = till.pay(sale, phone="0700000051")
    assert (begun.status_code, begun.json()["status"]) == (201, "pending")
    again = till.pay(sale)
    assert (again.status_code, again.json()["code"]) == (409, "payment_in_progress")

    till.settle()
    till.work(2)

    payment = till.payment(begun.json()["id"])
    assert (payment["status"], len(payment["external_reference"])) == ("success", 10)
    assert till.pushes() == 1


def test_the_line_breaks_and_no_callback_comes(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone="0700000052").json()
    till.settle()
    till.age(payment, minutes=5)
    till.work()

    waiting = till.payment(payment["id"])
    assert waiting["status"] == "pending"
    assert "give it up" in waiting["attention"]
    assert till.cashier.post(f"{API}{payment['id']}/cancel/").json()["code"] == "payment_not_open"
    assert till.admin.post(f"{API}{payment['id']}/cancel/").json()["status"] == "cancelled"
    assert till.pay(sale, "cash").status_code == 201


@pytest.mark.parametrize(
    ("phone", "status", "code"),
    [
        ("0700000053", 503, "gateway_unreachable"),
        ("0700000056", 503, "gateway_unreachable"),
        ("0700000060", 503, "gateway_misconfigured"),
        ("0700000068", 503, "gateway_misconfigured"),
    ],
)
def test_what_was_surely_not_taken_frees_the_sale(till: Till, phone: str, status: int, code: str) -> None:
    sale = till.sale()
    refused = till.pay(sale, phone=phone, key="k")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert till.payment(refused.json()["payment"])["status"] == "failed"
    again = till.pay(sale, phone=phone, key="k")
    assert (again.status_code, again.content) == (status, refused.content)
    assert again["Idempotent-Replayed"] == "true"
    assert till.pay(sale, "cash").status_code == 201


@pytest.mark.parametrize("phone", ["0700000050", "0700000057", "0700000058"])
def test_an_unclear_answer_is_never_sent_again(till: Till, phone: str) -> None:
    payment = till.pay(till.sale(), phone=phone).json()
    assert (payment["status"], payment["error_code"]) == ("pending", "outcome_unknown")
    till.work(3)
    assert till.pushes() == 1


@pytest.mark.parametrize("phone", ["0700000062", "0700000063", "0700000064", "0700000065", "0700000066"])
def test_a_rejected_token_is_renewed_once(till: Till, phone: str) -> None:
    payment = till.pay(till.sale(), phone=phone).json()
    till.settle()
    assert till.payment(payment["id"])["status"] == "success"


def test_money_for_a_sale_that_was_cancelled(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone=BY_HAND).json()
    till.age(payment, minutes=5)
    till.admin.post(f"{API}{payment['id']}/cancel/")
    assert till.cashier.post(f"/api/sales/sales/{sale['id']}/cancel/").status_code == 200

    till.simulator.enter_pin(BY_HAND)
    till.settle()

    paid = till.payment(payment["id"])
    assert (paid["status"], paid["metadata"]["late_money"]) == ("success", "116.00")
    assert till.shown(sale)["status"] == "cancelled"
    refund = Refund.objects.get()
    assert (refund.status, str(refund.amount), refund.requested_by) == ("pending", "116.00", None)
    assert till.approve({"id": refund.pk}).json()["status"] == "processing"
    till.settle()
    assert till.payment(payment["id"])["status"] == "refunded"
    assert till.payment(payment["id"])["attention"] == ""


def test_money_for_a_sale_that_was_paid_meanwhile(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone=BY_HAND).json()
    till.age(payment, minutes=5)
    till.admin.post(f"{API}{payment['id']}/cancel/")
    assert till.pay(sale, "cash").json()["status"] == "success"

    till.simulator.enter_pin(BY_HAND)
    till.settle()

    shown = till.shown(sale)
    assert (shown["amount_paid"], shown["payment_method"]) == ("116.00", "Cash")
    assert till.payment(payment["id"])["status"] == "success"
    assert str(Refund.objects.get().amount) == "116.00"


def test_a_refund_is_approved_by_somebody_else_and_sent_once(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale).json()
    till.settle()
    asked = till.admin.post(REFUNDS, {"payment": payment["id"], "amount": "116.00", "reason": "Sour"})
    assert asked.status_code == 201
    refund = asked.json()
    own = till.approve(refund)
    assert (own.status_code, own.json()["code"]) == (403, "own_refund")
    assert till.approve(refund, till.cashier).status_code == 403
    too_much = till.refund(payment, "1.00")
    assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_exceeds_payment")

    assert till.approve(refund, till.owner).json()["status"] == "processing"
    again = till.approve(refund, till.owner)
    assert (again.status_code, again.json()["code"]) == (409, "refund_not_pending")
    till.settle()

    done = till.owner.get(f"{REFUNDS}{refund['id']}/").json()
    assert (done["status"], len(done["external_reference"])) == ("completed", 10)
    shown = till.shown(sale)
    assert (shown["status"], shown["payment_status"], shown["amount_refunded"]) == (
        "completed",
        "refunded",
        "116.00",
    )
    assert till.pushes("reversal/v1") == 1


def test_part_of_an_mpesa_payment_goes_back_by_b2c(till: Till) -> None:
    payment = till.pay(till.sale()).json()
    till.settle()
    refund = till.refund(payment, "16.00").json()
    assert till.approve(refund).json()["status"] == "processing"
    till.settle()
    assert till.owner.get(f"{REFUNDS}{refund['id']}/").json()["status"] == "completed"
    assert till.payment(payment["id"])["amount_refunded"] == "16.00"


@pytest.mark.parametrize(("method", "amount"), [("airtel", "116.00"), ("card", "16.00"), ("cash", "16.00")])
def test_refunds_of_the_other_methods(till: Till, method: str, amount: str) -> None:
    sale = till.sale()
    payment = till.pay(sale, method, AIRTEL_PAYS).json()
    if method == "card":
        till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    till.work()
    refund = till.refund(payment, amount).json()
    approved = till.approve(refund).json()
    assert approved["status"] == ("completed" if method == "cash" else "processing")
    till.settle()
    till.work(3)
    assert till.owner.get(f"{REFUNDS}{refund['id']}/").json()["status"] == "completed"
    assert till.shown(sale)["amount_refunded"] == amount


def test_a_partly_paid_sale_is_refunded_and_cancelled(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, "cash", amount="50.00").json()
    refused = till.cashier.post(f"/api/sales/sales/{sale['id']}/cancel/")
    assert refused.json()["code"] == "sale_has_payments"
    assert till.approve(till.refund(payment).json()).json()["status"] == "completed"
    open_again = till.shown(sale)
    assert (open_again["amount_paid"], open_again["balance_due"], open_again["payment_method"]) == (
        "0.00",
        "116.00",
        "N/A",
    )
    assert till.cashier.post(f"/api/sales/sales/{sale['id']}/cancel/").json()["status"] == "cancelled"


def test_eight_taps_with_one_key_give_one_prompt(till: Till) -> None:
    sale = till.sale()
    answers = [till.pay(sale, phone=BY_HAND, key="tap") for _ in range(8)]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert till.pushes() == 1


def test_confirming_by_hand_what_the_gateway_called_failed(till: Till) -> None:
    sale = till.sale()
    payment = till.pay(sale, phone="0700000004").json()
    till.settle()
    confirmed = till.admin.post(f"{API}{payment['id']}/confirm/", {"reference": "SGH7XK21PQ"}).json()
    assert (confirmed["status"], confirmed["external_reference"]) == ("success", "SGH7XK21PQ")
    assert till.shown(sale)["status"] == "completed"


def test_nothing_is_asked_again_when_all_is_known(till: Till) -> None:
    till.pay(till.sale(), phone=PAYS)
    till.settle()
    till.work()
    asked = till.pushes("stkpushquery")
    till.work(3)
    assert till.pushes("stkpushquery") == asked
