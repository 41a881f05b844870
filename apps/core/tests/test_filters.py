"""Filters that are exact about ids and days."""

from datetime import UTC, datetime, timedelta
from typing import Any

import django_filters
import pytest

from apps.core.clock import day_start, local_date
from apps.core.filters import FromFilter, IdFilter, UntilFilter
from apps.core.models import IdempotencyKey

MIDNIGHT = day_start(datetime(2026, 11, 22).date())  # noqa: DTZ001  # the shop's day


class Keys(django_filters.FilterSet):
    user = IdFilter(field_name="user_id")
    start_date = FromFilter(field_name="created_at")
    end_date = UntilFilter(field_name="created_at")

    class Meta:
        model = IdempotencyKey
        fields = ()


def found(**query: str) -> list[str]:
    """The keys that the query finds, or what it refuses."""
    filters = Keys(query, queryset=IdempotencyKey.objects.order_by("created_at"))
    if not filters.is_valid():
        return [f"{name}: {sentence}" for name, errors in filters.errors.items() for sentence in errors]
    return [row.key for row in filters.qs]


@pytest.fixture
def moments(db: None) -> None:
    """A row just before, at, and after the first moment of a shop's day, and the same a day later."""
    second = timedelta(seconds=1)
    for number, moment in enumerate((MIDNIGHT, MIDNIGHT + timedelta(days=1))):
        for name, shift in (("before", -second), ("at", 0 * second), ("after", second)):
            IdempotencyKey.objects.create(
                user_id=number, path="/", key=f"{name} {number}", created_at=moment + shift
            )


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({}, ["before 0", "at 0", "after 0", "before 1", "at 1", "after 1"]),
        (
            {"start_date": "", "end_date": "", "user": ""},
            ["before 0", "at 0", "after 0", "before 1", "at 1", "after 1"],
        ),
        ({"start_date": "2026-11-22", "end_date": "2026-11-22"}, ["at 0", "after 0", "before 1"]),
        ({"start_date": "2026-11-23"}, ["at 1", "after 1"]),
        ({"end_date": "2026-11-21"}, ["before 0"]),
        ({"start_date": " 2026-11-23 "}, ["at 1", "after 1"]),
        (
            {"start_date": "1900-01-01", "end_date": "9000-12-31", "user": "1"},
            ["before 1", "at 1", "after 1"],
        ),
        ({"end_date": MIDNIGHT.isoformat()}, ["before 0", "at 0"]),
        ({"end_date": MIDNIGHT.isoformat().replace("+", " ")}, ["before 0", "at 0"]),
        ({"end_date": MIDNIGHT.astimezone(UTC).isoformat().replace("+00:00", "Z")}, ["before 0", "at 0"]),
        ({"start_date": "2026-11-23T00:00:00"}, ["at 1", "after 1"]),
        ({"start_date": "2026-11-23 00:00:01"}, ["after 1"]),
        ({"user": "0" * 17 + "1"}, ["before 1", "at 1", "after 1"]),
        ({"user": "9" * 18}, []),
    ],
    ids=str,
)
def test_found(moments: None, query: dict[str, str], keys: list[str]) -> None:
    assert found(**query) == keys


NO_DATE = "A date such as 2026-11-22 or an ISO 8601 timestamp is needed."


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize(
    "text",
    [
        "today",
        "0000-00-00",
        "2026-02-30",
        "2026-13-01",
        "2026-11",
        "22.11.2026",
        "1899-12-31",
        "9001-01-01",
        "9999-12-31",
        "99999-01-01",
        "-001-01-01",
        "٢٠٢٦-11-22",
        "２０２６-11-22",
        "2026-11-2２",
        "2026-11-22T25:00:00",
        "2026-11-22T10:00:00+99:99",
        "2026-11-22T10:00:00+24:00",
        "2026-11-22T1٠:00:00",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-11-22T10:00:00 03:00 x",
        "1e3",
        "NaN",
        "1" * 10_000,
        "__proto__",
    ],
)
def test_no_date(name: str, text: str) -> None:
    assert found(**{name: text}) == [f"{name}: {NO_DATE}"]


@pytest.mark.parametrize(
    "text", ["x", "-1", "+1", "1.0", "1e3", "1_0", "٣", "１", "1,2", "9" * 19, "1\n2", "null", "true", "0x1"]
)
def test_no_id(text: str) -> None:
    assert found(user=text) == ["user: The id of a record is needed."]


def test_a_nul_is_refused() -> None:
    for name in ("user", "start_date", "end_date"):
        assert "Null characters are not allowed." in " ".join(found(**{name: "1\x00"}))


def test_the_shops_day_is_not_that_of_utc(settings: Any) -> None:
    settings.TIME_ZONE = "Africa/Nairobi"
    late = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    assert local_date(late).isoformat() == "2026-11-23"
    assert day_start(local_date(late)) == datetime(2026, 11, 22, 21, tzinfo=UTC)
