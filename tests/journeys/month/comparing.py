"""The shop's reports beside the expected ones, figure by figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.journeys.month.days import Span, facts_of
from tests.journeys.month.expected import Expected
from tests.journeys.month.gateways import reconciliation
from tests.journeys.month.shop import Shop
from tests.journeys.month.standing import dashboard, inventory
from tests.journeys.month.sums import Report
from tests.journeys.month.visits import CASHIERS

ADMIN = "amina"
LAST_DAYS = {"today": 1, "week": 7, "month": 30, "year": 365}
# Not figures: what stands behind the tallies.
ROWS = frozenset({"rows", "more"})

Pair = tuple[str, Report, Report]
"""What is compared, what is expected, and what is shown."""


@dataclass(frozen=True)
class Difference:
    """`where` is the report and the way to the figure."""

    where: str
    expected: Any
    shown: Any


@dataclass(frozen=True)
class Asked:
    """Sales and profit of these periods, the ends of these days, and the gateways' part of these periods."""

    periods: Sequence[str]
    spans: Sequence[Span]
    days: Sequence[date]
    gateways: Sequence[Span] = ()


def differences(shop: Shop, expected: Expected, asked: Asked) -> list[Difference]:
    """Between the reports and the books; the dashboards and the shelves are always asked for."""
    reports = (_of_periods, _of_days, _of_gateways, _of_now)
    return [
        difference
        for report in reports
        for where, wanted, got in report(shop, expected, asked)
        for difference in _compare(where, wanted, got)
    ]


def _of_periods(shop: Shop, expected: Expected, asked: Asked) -> Iterator[Pair]:
    today = expected.facts.day(expected.now)
    named = {name: Span(today - timedelta(days=LAST_DAYS[name] - 1), today) for name in asked.periods}
    queries = [({"period": name}, span) for name, span in named.items()]
    for query, span in [*queries, *((_custom(span), span) for span in asked.spans)]:
        yield f"sales {query}", expected.sales(span), shop.wire.get(ADMIN, "reports/sales/", **query)
        yield f"profit {query}", expected.profit(span), shop.wire.get(ADMIN, "reports/profit/", **query)


def _of_days(shop: Shop, expected: Expected, asked: Asked) -> Iterator[Pair]:
    for day in asked.days:
        got = shop.wire.get(ADMIN, "reports/day-end/", date=str(day))
        yield f"day-end {day}", expected.day_end(day), got


def _of_gateways(shop: Shop, expected: Expected, asked: Asked) -> Iterator[Pair]:
    for span in asked.gateways:
        got = shop.wire.get(ADMIN, "reports/reconciliation/", **_custom(span))
        yield f"reconciliation {span}", reconciliation(expected, span), got


def _of_now(shop: Shop, expected: Expected, asked: Asked) -> Iterator[Pair]:
    yield "inventory", inventory(expected), _without_ids(shop.wire.get(ADMIN, "reports/inventory/"))
    yield "dashboard", dashboard(expected), shop.wire.get(ADMIN, "reports/dashboard/")
    for name in CASHIERS:
        got = shop.wire.get(name, "reports/dashboard/")
        yield f"dashboard of {name}", dashboard(expected, shop.ids[name]), got
    got = shop.wire.get(ADMIN, "reports/dashboard/", cashier=str(shop.ids[ADMIN]))
    yield "dashboard of one administrator", dashboard(expected, shop.ids[ADMIN]), got


def _custom(span: Span) -> dict[str, str]:
    return {"period": "custom", "start_date": str(span.first), "end_date": str(span.last)}


def _without_ids(inventory: Report) -> Report:
    """The books do not know what numbers movements and alerts got; those of one moment come in any order."""
    moves, alerts = (
        [{**row, "id": None} for row in inventory[name]] for name in ("recent_movements", "active_alerts")
    )
    begun = [row["created_at"] for row in alerts]
    assert begun == sorted(begun, reverse=True)
    alerts.sort(key=lambda row: row["product"])
    return {**inventory, "recent_movements": moves, "active_alerts": alerts}


def _compare(where: str, expected: Any, got: Any) -> Iterator[Difference]:
    """A figure that nobody expects is a difference, too: it has no independent calculation yet."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted({*expected, *got} - ROWS):
            yield from _compare(f"{where} {name}", expected.get(name), got.get(name))
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            yield Difference(f"{where} length", len(expected), len(got))
        for number, pair in enumerate(zip(expected, got, strict=False)):
            yield from _compare(f"{where}[{number}]", *pair)
    elif expected != got or isinstance(expected, str) != isinstance(got, str):
        yield Difference(where, expected, got)


def expected_now(shop: Shop, zone: ZoneInfo) -> Expected:
    """What the books say at this moment."""
    return Expected(shop.books, facts_of(shop.books, zone), shop.clock.now)
