"""Webhooks cost little to answer, and one message that cannot be worked on keeps no other waiting."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.payments.models import GatewayCallback, Payment
from apps.payments.services import inbox as inbox_service
from apps.payments.services import work_item
from apps.payments.views import webhooks
from apps.payments.worker import Worker
from tests.faults.test_forgery import HOOKS, SIGNATURE, bring, charge, claim, open_payment, signed, token
from tests.journeys.till import Till

ANSWERED = 1
APPLIED = 9
MOST = 8


def statements(captured: CaptureQueriesContext) -> list[str]:
    """What was asked of the database, without the marks of a transaction's beginning and end."""
    marks = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(marks)]


def airtel(payment: Payment) -> bytes:
    """Without a hash, so that it proves nothing and only makes us ask."""
    return json.dumps({"transaction": {"id": payment.gateway_id, "status_code": "TS"}}).encode()


@pytest.fixture
def answer_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends before the work that follows the answer."""
    monkeypatch.setattr(webhooks.Answered, "close", lambda self: None)


def test_answering_mpesa_takes_one_statement(till: Till, answer_only: None) -> None:
    payment = open_payment(till)
    path, body = f"{HOOKS}daraja/{token(payment)}/", claim(payment)
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert bring(path, body).status_code == 200
        assert len(statements(captured)) == ANSWERED, statements(captured)


def test_answering_a_card_gateway_takes_one_statement(till: Till, answer_only: None) -> None:
    body = charge(open_payment(till, "card"))
    headers = {SIGNATURE: signed(body, till.simulator.credentials.card_key)}
    with CaptureQueriesContext(connection) as captured:
        assert bring(f"{HOOKS}card/callback/", body, **headers).status_code == 200
    assert len(statements(captured)) == ANSWERED, statements(captured)


def test_refusing_a_bad_signature_stays_within_the_bound(till: Till) -> None:
    bodies = {"card": charge(open_payment(till, "card")), "airtel": airtel(open_payment(till, "airtel"))}
    for method, body in bodies.items():
        with CaptureQueriesContext(connection) as captured:
            assert bring(f"{HOOKS}{method}/callback/", body).status_code == 401
        assert len(statements(captured)) <= MOST, (method, statements(captured))


def test_what_applying_a_success_takes(till: Till, answer_only: None) -> None:
    payment = open_payment(till)
    bring(f"{HOOKS}daraja/{token(payment)}/", claim(payment))
    item = GatewayCallback.objects.get()
    with CaptureQueriesContext(connection) as captured:
        assert work_item(item.pk) == "applied"
    assert len(statements(captured)) == APPLIED, statements(captured)
    with CaptureQueriesContext(connection) as captured:
        assert work_item(item.pk) is None
    assert len(statements(captured)) == 1, statements(captured)


def test_a_message_of_a_method_the_shop_gave_up_keeps_no_other_waiting(
    till: Till, settings: Any, answer_only: None
) -> None:
    """It was acknowledged, then the credentials were taken out; the M-Pesa message behind it must be applied."""
    settings.GATEWAYS = {**settings.GATEWAYS, "AIRTEL_CALLBACK_KEY": ""}
    assert bring(f"{HOOKS}airtel/callback/", airtel(Payment(gateway_id="PAY0"))).status_code == 200
    payment = open_payment(till)
    bring(f"{HOOKS}daraja/{token(payment)}/", claim(payment))
    settings.GATEWAYS = {**settings.GATEWAYS, "AIRTEL_CLIENT_ID": "", "AIRTEL_CLIENT_SECRET": ""}
    now = timezone.now()
    GatewayCallback.objects.filter(callback_type="airtel").update(next_try_at=now - timedelta(seconds=1))
    GatewayCallback.objects.filter(callback_type="mpesa").update(next_try_at=now)

    _rounds_of_the_worker(3)

    assert Payment.objects.get().status == "success"
    stuck = GatewayCallback.objects.get(callback_type="airtel")
    assert stuck.next_try_at is None or stuck.next_try_at > timezone.now()
    assert stuck.error_message


def test_a_message_that_breaks_us_keeps_no_other_waiting(
    till: Till, answer_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_payment(till), open_payment(till)
    for payment in (first, second):
        bring(f"{HOOKS}daraja/{token(payment)}/", claim(payment))
    # Both are due, the broken one first.
    for number, item in enumerate(GatewayCallback.objects.order_by("id")):
        due = timezone.now() - timedelta(seconds=2 - number)
        GatewayCallback.objects.filter(pk=item.pk).update(next_try_at=due)
    judge = inbox_service._judge

    def stumble(item: GatewayCallback) -> inbox_service.Verdict:
        if item.token_hash == first.token_hash:
            raise ZeroDivisionError
        return judge(item)

    monkeypatch.setattr(inbox_service, "_judge", stumble)

    _rounds_of_the_worker(3)

    assert Payment.objects.get(pk=second.pk).metadata["gateway"].get("transaction_date")
    monkeypatch.setattr(inbox_service, "_judge", judge)
    GatewayCallback.objects.filter(next_try_at__isnull=False).update(next_try_at=timezone.now())
    _rounds_of_the_worker(2)
    assert Payment.objects.get(pk=first.pk).status == "success"


def _rounds_of_the_worker(count: int) -> None:
    """As the loop takes them: what goes wrong in one round is met again in the next."""
    worker = Worker()
    for _ in range(count):
        wait = worker.stopping.wait
        worker.stopping.wait = lambda seconds, worker=worker: worker.stopping.set() or True  # type: ignore
        worker._keep_house()
        worker.stopping.wait = wait  # type: ignore
        worker.stopping.clear()
