"""Reports that need the same closed days at the same moment: each day is rolled up once."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.reports.models import RolledSpan
from apps.reports.services import close_day, differences, missing_days, rolling
from apps.reports.tests.till import Clock, Till, signed_in
from apps.users.models import User
from tests.concurrency.racing import meeting_of, race

pytestmark = pytest.mark.django_db(transaction=True)
RACERS = 4
ADDRESS = "/api/reports/sales/?start_date=2026-03-01&end_date=2026-03-10"


@pytest.fixture
def sold(till: Till, people: dict[str, APIClient]) -> Clock:
    for day in (2, 3, 5):
        till.sell(people["otieno"], f"2026-03-0{day} 10:00", {"milk": 1}, amount_paid="116.00")
    till.clock.set("2026-03-10 20:00")
    return till.clock


def test_reports_at_the_same_moment(sold: Clock, admin: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    answers = race(RACERS, lambda _: signed_in(admin).get(ADDRESS))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json()["total_revenue"] == "348.00"
    assert not caplog.records
    # Whoever came second did not wait, so that days may be left; nobody did one twice.
    signed_in(admin).get(ADDRESS)
    assert RolledSpan.objects.filter(span="day", start__gte="2026-03-01").count() == 9
    assert list(differences()) == []


def together(act: Callable[..., Any]) -> Callable[..., Any]:
    """`act`, at whose end all racers wait for each other."""
    meeting = meeting_of(RACERS)

    def meet(*args: Any, **kwargs: Any) -> Any:
        found = act(*args, **kwargs)
        meeting.wait()
        return found

    return meet


def close(sold: Clock) -> list[Any]:
    """What closing the same day says to each of them, or what it raises."""
    (day,) = [day for day in missing_days(sold()) if day.isoformat() == "2026-03-03"]

    def act(_: int) -> Any:
        try:
            return close_day(day)
        except Exception as error:
            return type(error).__name__

    return sorted(race(RACERS, act), key=str)


def test_the_control_without_the_lock_the_same_day_is_rolled_up_twice(
    sold: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "_locked", together(lambda: True))
    assert close(sold) == ["IntegrityError"] * (RACERS - 1) + [True]
    assert list(differences()) == []


def test_one_closes_the_day(sold: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "_locked", together(rolling._locked))
    assert close(sold) == [False] * (RACERS - 1) + [True]
    assert RolledSpan.objects.filter(span="day").count() == 1
    assert list(differences()) == []
