"""Waiting for an outcome: answered when it is there, without a database connection in hand, and never too many."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from apps.payments.models import Payment
from apps.payments.waiting import Waiters, waiters
from conftest import client_of, make_user
from tests.concurrency.shop import pending_sale, put_on_shelf

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/payments/payments/"


@pytest.fixture
def payment() -> Payment:
    cashier = make_user("otieno")
    sale = pending_sale(client_of(cashier), put_on_shelf())
    return Payment.objects.create(
        sale_id=sale, method="mpesa", amount=116, initiated_by=cashier, initiated_at=timezone.now()
    )


def client(payment: Payment) -> APIClient:
    return client_of(payment.initiated_by)


class Waiting(threading.Thread):
    """A till that waits."""

    def __init__(self, till: APIClient, address: str) -> None:
        super().__init__()
        self.till, self.address, self.answer = till, address, None
        self.took = 0.0
        self.start()

    def run(self) -> None:
        began = time.monotonic()
        self.answer: Any = self.till.get(self.address)
        self.took = time.monotonic() - began
        connections.close_all()


def until(what: Any) -> None:
    end = time.monotonic() + 10
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_answers_when_the_payment_leaves_its_state(payment: Payment) -> None:
    waiting = Waiting(client(payment), f"{URL}{payment.pk}/?wait=25")
    until(lambda: waiters._waiting.get(payment.pk))
    Payment.objects.filter(pk=payment.pk).update(status="failed")
    waiting.join(10)
    assert waiting.answer.json()["status"] == "failed"
    assert waiting.took < 5


def test_whoever_waits_holds_no_connection(payment: Payment) -> None:
    before = backends()
    waiting = [Waiting(client(payment), f"{URL}{payment.pk}/?wait=25") for _ in range(5)]
    until(lambda: len(waiters._waiting.get(payment.pk, ())) == 5 and backends() <= before + 1)
    Payment.objects.filter(pk=payment.pk).update(status="cancelled")
    for one in waiting:
        one.join(10)
        assert one.answer.json()["status"] == "cancelled"
    until(lambda: not waiters._waiting)


def backends() -> int:
    """Connections to our database, the listener's left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query NOT LIKE 'LISTEN%'"
        )
        return int(cursor.fetchone()[0])


def test_after_the_time_it_answers_what_is(payment: Payment) -> None:
    answer = client(payment).get(f"{URL}{payment.pk}/?wait=1")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert "Retry-After" not in answer


def test_what_is_settled_is_answered_at_once(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(status="failed")
    waiting = Waiting(client(payment), f"{URL}{payment.pk}/?wait=25")
    waiting.join(5)
    assert waiting.answer.json()["status"] == "failed"


def test_too_many_are_answered_at_once(payment: Payment, settings: Any) -> None:
    settings.PAYMENT_WAITERS = 1
    first = Waiting(client(payment), f"{URL}{payment.pk}/?wait=25")
    until(lambda: waiters._waiting.get(payment.pk))
    second = client(payment).get(f"{URL}{payment.pk}/?wait=25")
    assert (second.status_code, second["Retry-After"]) == (200, "3")
    Payment.objects.filter(pk=payment.pk).update(status="failed")
    first.join(10)
    assert first.answer.status_code == 200


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "", "99999", "٢"])
def test_a_time_that_is_none(payment: Payment, text: str) -> None:
    answer = client(payment).get(f"{URL}{payment.pk}/", {"wait": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_stranger_does_not_wait(payment: Payment) -> None:
    assert client_of(make_user("wanjiru")).get(f"{URL}{payment.pk}/?wait=25").status_code == 404


def test_it_finds_out_without_the_listener(payment: Payment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a connection pooler nobody can listen."""
    monkeypatch.setattr("apps.payments.waiting.LOOK_SECONDS", 0.1)
    alone = Waiters()
    monkeypatch.setattr(Waiters, "_listen_once", lambda self: time.sleep(0.1))
    looks: list[int] = []
    assert alone.wait(payment.pk, 5, lambda: looks.append(1) or len(looks) > 3)
    assert len(looks) == 4
