"""Edges at which money, proofs and questions once got lost; each is told as it happened."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.payments.gateways import SharedTokens
from apps.payments.models import GatewayCallback, GatewayToken, Payment, Refund
from apps.payments.services import attempts, persisting
from apps.payments.services.polling import ask_payment
from apps.payments.states import receipt_text
from apps.payments.worker import Worker
from payments.base import Result, Status
from payments.errors import OutcomeUnknown
from payments.redaction import blank_document, blank_text, card_number_in
from tests.journeys.till import API, BY_HAND, PAYS, REFUNDS, Till


def test_a_refund_asked_for_long_ago_is_not_sent_twice(till: Till) -> None:
    """The gateway is slow to list what it has taken; how old the request for it is says nothing about that."""
    payment = till.pay(till.sale(), "card").json()
    till.simulator.pay_card(payment["transaction_reference"])
    till.settle()
    till.work()
    till.simulator.set_mode("card", "refund-html-502")
    refund = till.refund(payment, "16.00").json()
    Refund.objects.update(requested_at=timezone.now() - timedelta(hours=3))
    assert till.approve(refund).json()["error_code"] == "outcome_unknown"
    till.work(2)
    posts = [
        r for r in till.simulator.requests() if r["method"] == "POST" and r["path"].startswith("/refund")
    ]
    assert len(posts) == 1
    Refund.objects.update(sent_at=timezone.now() - timedelta(minutes=4))
    till.simulator.set_mode("card", "success")
    till.work(2)
    assert Refund.objects.get().status == "completed"


def test_money_is_not_sent_back_with_other_credentials(till: Till) -> None:
    payment = till.pay(till.sale()).json()
    till.settle()
    refund = till.refund(payment).json()
    Payment.objects.update(environment="production")
    for answer in (till.refund(payment, "1.00"), till.approve(refund)):
        assert (answer.status_code, answer.json()["code"]) in (
            (409, "payment_not_refundable"),
            (409, "refund_exceeds_payment"),
        )
    Refund.objects.update(status="processing", next_query_at=timezone.now())
    till.work()
    assert till.pushes("reversal/v1") == 0
    assert "set up otherwise" in Refund.objects.get().attention
    Refund.objects.update(status="pending")


@pytest.mark.parametrize("merchant", ["36126-34620561-1", "45119-7910404-1", "42984-4669737-3"])
def test_ids_of_gateways_are_no_card_numbers(merchant: str) -> None:
    body = {
        "Body": {"stkCallback": {"MerchantRequestID": merchant, "CheckoutRequestID": f"ws_CO_{merchant}"}}
    }
    assert blank_document(body) == body
    assert not card_number_in(merchant)


@pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005"])
def test_card_numbers_as_they_are_written_still_are(number: str) -> None:
    assert card_number_in(f"card {number}!")
    assert "1111" not in blank_text(number)
    assert "82246" not in blank_text(number)


def test_a_finished_refund_is_not_asked_about_for_ever(till: Till) -> None:
    payment = till.pay(till.sale(), phone="0700000070").json()
    till.settle()
    refund = till.refund(payment).json()
    till.approve(refund)
    till.settle()
    Refund.objects.update(next_query_at=timezone.now())
    till.work()
    assert Refund.objects.values_list("status", "next_query_at").get() == ("failed", None)


def test_what_the_gateway_accepted_is_kept_while_the_database_is_held_up(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persisting, "PAUSES", (0.0, 0.0))

    def held_up(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("lock timeout")

    with monkeypatch.context() as patched:
        patched.setattr(attempts, "apply_result", held_up)
        begun = till.pay(till.sale(), phone=BY_HAND)
    assert (begun.status_code, begun.json()["status"]) == (201, "pending")
    assert Payment.objects.get(pk=begun.json()["id"]).gateway_id.startswith("ws_CO_")
    till.simulator.switch_callbacks(False)
    till.simulator.enter_pin(BY_HAND)
    till.settle()
    till.work()
    assert till.payment(begun.json()["id"])["status"] == "success"


SPELLINGS = [
    "sgh7xk21pq",
    " SGH7XK21PQ ",
    "SGH7XK21PQ\u200b",
    "SGH7 XK21PQ",
    "SGH7XK21PQ.",
    "ＳＧＨ７ＸＫ２１ＰＱ",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_receipt_is_one_however_it_is_typed(text: str) -> None:
    assert receipt_text(text) == "SGH7XK21PQ"


def test_a_receipt_settles_one_payment_however_it_is_typed(till: Till) -> None:
    first, *others = (till.pay(till.sale(), phone="0700000004").json() for _ in range(3))
    till.settle()
    assert till.admin.post(f"{API}{first['id']}/confirm/", {"reference": "SGH7XK21PQ"}).status_code == 200
    for other, text in zip(others, ("sgh7xk21pq", "SGH7 XK21PQ"), strict=True):
        used = till.admin.post(f"{API}{other['id']}/confirm/", {"reference": text})
        assert (used.status_code, used.json()["code"]) == (409, "reference_already_used")
    assert till.admin.post(f"{API}{others[0]['id']}/confirm/", {"reference": " . "}).status_code == 400


def test_the_gateways_receipt_takes_the_place_of_a_typed_one(till: Till) -> None:
    payment = till.pay(till.sale(), phone=BY_HAND).json()
    till.admin.post(f"{API}{payment['id']}/confirm/", {"reference": "TYPO123456"})
    till.simulator.enter_pin(BY_HAND)
    till.settle()
    settled = till.payment(payment["id"])
    assert settled["external_reference"] != "TYPO123456"
    assert settled["metadata"]["typed_receipt"] == "TYPO123456"
    other = till.pay(till.sale(), phone="0700000004").json()
    till.settle()
    again = till.admin.post(
        f"{API}{other['id']}/confirm/", {"reference": settled["external_reference"].lower()}
    )
    assert again.json()["code"] == "reference_already_used"


def test_a_question_that_came_up_meanwhile_is_not_put_off(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message arrives while the gateway is being asked: the answer on its way knows nothing of it."""
    payment = till.pay(till.sale(), "airtel", "0733000013").json()
    gateway = "payments.airtel.gateway.AirtelGateway.query"
    now = timezone.now()

    def answer(*args: Any) -> Result:
        Payment.objects.filter(pk=payment["id"]).update(next_query_at=now)
        return Result(Status.PENDING)

    monkeypatch.setattr(gateway, answer)
    ask_payment(payment["id"])
    assert Payment.objects.get(pk=payment["id"]).next_query_at == now

    def nothing(*args: Any) -> Result:
        Payment.objects.filter(pk=payment["id"]).update(next_query_at=now)
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(gateway, nothing)
    Worker().run_once()
    assert Payment.objects.get(pk=payment["id"]).next_query_at == now


def test_what_was_never_sent_is_not_asked_about(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = till.pay(till.sale(), "card").json()
    Payment.objects.filter(pk=payment["id"]).update(sent_at=None, status="pending")
    till.age({"id": payment["id"]}, minutes=2)
    Payment.objects.filter(pk=payment["id"]).update(sent_at=None)
    till.work(2)
    found = Payment.objects.get(pk=payment["id"])
    assert (found.status, found.error_code, found.next_query_at) == ("failed", "not_sent", None)


def test_a_missing_receipt_is_asked_for_three_times_and_no_more(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = till.pay(till.sale(), phone="0700000032").json()
    till.settle()
    till.work()

    def refuse(*args: Any) -> bool:
        raise OutcomeUnknown("not subscribed")

    monkeypatch.setattr("payments.mpesa.gateway.MpesaGateway.request_receipt", refuse)
    worker = Worker()
    for _ in range(5):
        Payment.objects.filter(next_query_at__isnull=False).update(next_query_at=timezone.now())
        worker.run_once()
    found = Payment.objects.get(pk=payment["id"])
    assert (found.status, found.next_query_at, found.attention) == ("success", None, "")
    assert worker.breakers["mpesa"].failures == 0


def test_a_token_that_could_not_be_made_holds_up_nobody(transactional_db: None) -> None:
    def fall() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        SharedTokens().get("t", fall)
    assert GatewayToken.objects.get().minting_until is None


def test_a_message_that_waited_for_the_shop_is_tried_more_than_once(till: Till) -> None:
    """The shop was down for an hour; the first try meets a busy database."""
    payment = till.pay(till.sale(), phone=BY_HAND).json()
    till.simulator.enter_pin(BY_HAND)
    till.settle()
    assert till.payment(payment["id"])["status"] == "success"
    old = GatewayCallback.objects.create(
        callback_type="mpesa",
        route="callback",
        digest="old",
        body=b'{"Body":{"stkCallback":{"CheckoutRequestID":"unknown","ResultCode":1032}}}',
        received_at=timezone.now() - timedelta(hours=1),
        next_try_at=timezone.now(),
    )
    till.work()
    old.refresh_from_db()
    assert (old.state, old.next_try_at is None) == ("unmatched", False)


def test_parts_that_no_gateway_would_send_are_refused_at_once(till: Till) -> None:
    payment = till.pay(till.sale(), phone=PAYS).json()
    till.settle()
    for amount in ("5.00", "20.50"):
        refused = till.refund(payment, amount)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_refundable")
        assert till.refund(payment, amount, in_cash=True).status_code == 201
    assert Refund.objects.filter(method="mpesa").count() == 0
    assert till.owner.get(REFUNDS).json()["results"][0]["method"] == "cash"
