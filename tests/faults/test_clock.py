"""A server whose clock is wrong, beside the database whose clock is right (F10).

`time_machine` misleads this process and all in it that ask for the time; PostgreSQL is another process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core import clock
from apps.core.clock import TOLERANCE, local_date
from apps.payments.gateways import SharedBudget
from apps.payments.models import Payment, Refund
from apps.payments.worker import Worker
from apps.reports.models import RolledSpan
from apps.reports.services import roll_up
from apps.sales.models import Sale
from apps.sales.services import expire_sales
from conftest import PASSWORD
from payments.simulator import daraja_fields
from tests.figures import show
from tests.journeys.till import PAYS, Till
from tests.ledger import assert_ledgers_agree, disagreements

OFF = {
    "10 minutes ahead": timedelta(minutes=10),
    "10 minutes behind": timedelta(minutes=-10),
    "a day ahead": timedelta(days=1),
    "a day behind": timedelta(days=-1),
}
ORDER = "receipts follow the order of completion"
off = pytest.mark.parametrize("off", OFF)


@contextmanager
def misled(by: timedelta) -> Iterator[None]:
    """The time goes on, but everybody in this process takes it to be another one."""
    with time_machine.travel(datetime.now(UTC) + by, tick=True):
        yield


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def sign_in(name: str = "otieno") -> APIClient:
    answer = APIClient().post("/api/auth/login/", {"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    device = APIClient()
    device.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    return device


def status(device: APIClient) -> int:
    return int(device.get("/api/auth/me/").status_code)


def sell_in_turn(till: Till, by: timedelta, times: int = 5) -> None:
    """One sale at a server that is right, one at the wrong one, and so on."""
    here = till.cashier
    with misled(by):
        there = sign_in()
    for _ in range(times):
        till.cashier = here
        assert till.pay(till.sale(), "cash").status_code == 201
        with misled(by):
            till.cashier = there
            assert till.pay(till.sale(), "cash").status_code == 201


@pytest.mark.breaks_the_books
@off
def test_control_by_the_servers_own_clocks_receipts_are_out_of_order(
    till: Till, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    monkeypatch.setattr(clock, "now", timezone.now)
    sell_in_turn(till, OFF[off], 2)
    assert list(disagreements()) == [ORDER]


@off
def test_receipts_are_in_order_and_on_their_day_whatever_a_servers_clock_says(till: Till, off: str) -> None:
    began = database_time()
    sell_in_turn(till, OFF[off])
    ended = database_time()
    sales = list(Sale.objects.order_by("receipt"))
    assert [sale.receipt for sale in sales] == list(range(1, 11))
    times = [sale.completed_at for sale in sales]
    assert times == sorted(times)
    # A difference within the tolerance is not put right.
    assert all(began - TOLERANCE <= time <= ended + TOLERANCE for time in times if time)
    show(
        "F10",
        f"Server {off}, in turn with one that is right",
        "10 receipts",
        "1 to 10 in order, on their day",
    )


@off
def test_cash_lies_in_the_drawer_of_its_day(till: Till, off: str) -> None:
    """At a server that is wrong a sale is begun, paid in cash, and another cancelled; a right one expires nothing."""
    began = database_time()
    with misled(OFF[off]):
        till.cashier = sign_in()
        assert till.pay(till.sale(), "cash").status_code == 201
        cancelled, waiting = till.sale(), till.sale()
        assert till.cashier.post(f"/api/sales/sales/{cancelled['id']}/cancel/").status_code == 200
    ended = database_time()
    assert expire_sales() == 0
    moments = [
        moment for row in Payment.objects.values_list("initiated_at", "completed_at") for moment in row
    ]
    fields = ("created_at", "completed_at", "cancelled_at")
    moments += [moment for row in Sale.objects.values_list(*fields) for moment in row if moment]
    assert len(moments) == 7
    assert all(began - TOLERANCE <= moment <= ended + TOLERANCE for moment in moments)
    assert Sale.objects.get(pk=waiting["id"]).business_date == local_date(ended)
    show(
        "F10",
        f"Cash, a cancelled and an open sale at a server {off}",
        "3 sales",
        "on their day, none expired",
    )


# While they are worked on, messages are as old as the clock is slow.
@pytest.mark.may_break_the_books
@off
def test_money_that_comes_and_goes_stands_on_its_day(
    till: Till, off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A gateway's clock is right; the simulator's goes with this process.
    monkeypatch.setattr(daraja_fields, "CLOCK_DIFFERENCE", timedelta(days=2))
    began = database_time()
    with misled(OFF[off]):
        till.cashier, till.admin = sign_in(), sign_in("amina")
        payment = till.pay(till.sale(), phone=PAYS).json()
        till.settle()
        assert till.payment(payment["id"])["status"] == "success"
        till.approve(till.refund(payment).json())
        till.settle()
    ended = database_time()
    paid, refund = Payment.objects.get(), Refund.objects.get()
    assert refund.status == "completed"
    for moment in (paid.completed_at, refund.completed_at):
        assert moment is not None
        assert began - TOLERANCE <= moment <= ended + TOLERANCE
    assert_ledgers_agree()
    result = "paid and paid back by the database's time"
    show("F10", f"Payment and refund at a server {off}", "1 each, with the gateway's messages", result)


@off
def test_a_clock_that_is_set_while_the_shop_is_open(till: Till, off: str) -> None:
    """Steps forward or back in the middle of a basket."""
    sale = till.sale()
    here = till.cashier
    with misled(OFF[off]):
        till.cashier = sign_in()
        assert till.pay(sale, "cash").status_code == 201
        other = till.sale()
    till.cashier = here
    assert till.pay(other, "cash").status_code == 201
    first, second = Sale.objects.order_by("receipt")
    assert first.completed_at <= second.completed_at
    show("F10", f"A clock is set in the middle of a sale, {off}", "2 sales", "receipts in order")


@off
def test_a_server_whose_clock_is_wrong_is_not_ready(till: Till, off: str) -> None:
    assert till.cashier.get("/readyz/").status_code == 200
    with misled(OFF[off]):
        answer = till.cashier.get("/readyz/")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "clock" in answer.json()["error"]
    with misled(TOLERANCE / 2):
        assert till.cashier.get("/readyz/").status_code == 200


@off
def test_a_worker_whose_clock_is_wrong_rests(till: Till, off: str, caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise it would expire what the customer is about to pay, and ask the gateways a day too early."""
    sale = till.sale()
    till.simulator.switch_callbacks(False)
    payment = till.pay(till.sale(), phone=PAYS).json()
    till.simulator.settle()
    with misled(OFF[off]):
        Payment.objects.update(next_query_at=timezone.now())
        Worker().run_once()
    assert till.shown(sale)["status"] == "pending"
    assert Payment.objects.get(pk=payment["id"]).queries == 0
    assert "clock" in caplog.text
    till.work()
    assert till.payment(payment["id"])["status"] == "success"
    show(
        "F10",
        f"The worker of a server {off}",
        "1 open sale, 1 open payment",
        "left alone, settled by a right one",
    )


def test_a_day_is_not_closed_before_it_is_over(till: Till) -> None:
    """A report at a server a day ahead takes today for a closed day; what is sold later must still be in it."""
    today = local_date(database_time())
    assert till.pay(till.sale(), "cash").status_code == 201
    with misled(timedelta(days=1)):
        roll_up(clock.now())
        assert sign_in("amina").get("/api/reports/sales/?period=week").status_code == 200
    assert not RolledSpan.objects.filter(start=today, span="day").exists()
    assert till.pay(till.sale(), "cash").status_code == 201
    seen = till.admin.get("/api/reports/sales/?period=today").json()
    assert (seen["total_transactions"], seen["total_revenue"]) == (2, "232.00")


def test_sign_ins_live_as_long_as_they_should_give_or_take_the_difference(till: Till) -> None:
    """Neither for ever nor gone for good: by so much as the clocks differ, and only at the server that is wrong."""
    life, day, moment = django_settings.REST_KNOX["TOKEN_TTL"], timedelta(days=1), timedelta(minutes=1)
    device = sign_in()
    with misled(timedelta(minutes=10)):
        assert status(device) == 200
    with misled(day):
        assert status(device) == 401
        tomorrow = sign_in()
    assert status(device) == status(tomorrow) == 200
    with misled(life + moment):  # the real time, later
        assert (status(device), status(tomorrow)) == (401, 200)
    with misled(day + life + moment):
        assert status(tomorrow) == 401
    with misled(-day):
        yesterday = sign_in()
        assert status(device) == 200
    assert status(yesterday) == 401
    show(
        "F10",
        "Sign-ins across servers a day apart",
        "3",
        "each ends after its hours and the difference at most",
    )


@pytest.mark.django_db(transaction=True)
def test_what_a_wrong_clock_wrote_holds_no_question_up() -> None:
    """The questions of a minute are counted by time; one a day ahead must not forbid them for a day."""
    with misled(timedelta(days=1)), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", timezone.now)
        assert SharedBudget().take("questions", 5) == 0
    assert SharedBudget().take("questions", 5) == 0
    assert SharedBudget().take("questions", 5) > 0


BOUNDARIES = {
    "midnight in Nairobi, 21:00 by UTC": ("2026-11-22T20:59:59", "2026-11-22", "2026-11-23"),
    "midnight by UTC, 3:00 in Nairobi": ("2026-11-22T23:59:59", "2026-11-23", "2026-11-23"),
    "29 February begins": ("2028-02-28T20:59:59", "2028-02-28", "2028-02-29"),
    "29 February ends": ("2028-02-29T20:59:59", "2028-02-29", "2028-03-01"),
    "28 February ends, no leap year": ("2027-02-28T20:59:59", "2027-02-28", "2027-03-01"),
    "the year ends": ("2027-12-31T20:59:59", "2027-12-31", "2028-01-01"),
}


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_sale_belongs_to_its_day_in_the_shops_zone(
    till: Till, monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    """One second before, and one after. The receipts go on over every boundary."""
    text, *days = BOUNDARIES[boundary]
    before = datetime.fromisoformat(text).replace(tzinfo=UTC)
    moments = [before, before + timedelta(seconds=2)]
    for moment, day in zip(moments, days, strict=True):
        monkeypatch.setattr(timezone, "now", lambda moment=moment: moment)
        till.cashier, till.admin = sign_in(), till.admin
        shown = till.sale()
        assert till.pay(shown, "cash").status_code == 201
        sale = Sale.objects.get(pk=shown["id"])
        assert (sale.completed_at, str(sale.business_date)) == (moment, day)
    assert list(Sale.objects.order_by("completed_at").values_list("receipt", flat=True)) == [1, 2]
    show("F10", f"Day boundary: {boundary}", "2 sales, a second before and after", "each on its day")


def test_the_database_is_asked_for_its_time_only_when_the_clock_was_set(
    db: None, django_assert_num_queries: Any
) -> None:
    clock.now()
    with django_assert_num_queries(0):
        assert abs(clock.now() - timezone.now()) < TOLERANCE
    with misled(timedelta(days=1)):
        with django_assert_num_queries(1):
            assert abs(clock.now() + timedelta(days=1) - timezone.now()) < TOLERANCE
        with django_assert_num_queries(0):
            assert abs(clock.now() + timedelta(days=1) - timezone.now()) < TOLERANCE
    with django_assert_num_queries(1):
        assert abs(clock.now() - timezone.now()) < TOLERANCE


def test_a_clock_that_runs_slow_is_noticed_within_the_hour(
    db: None, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never set, so nothing else tells."""
    clock.now()
    monkeypatch.setattr(clock, "TRUSTED_FOR", 0.0)
    with django_assert_num_queries(1):
        clock.now()
