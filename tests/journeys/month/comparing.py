"""The shop's reports beside the expected ones, figure by figure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.journeys.month.days import Span, facts_of
from tests.journeys.month.expected import Expected
from tests.journeys.month.files import (
    Sections,
    day_end_file,
    inventory_file,
    profit_file,
    read_file,
    sales_file,
)
from tests.journeys.month.gateways import reconciliation
from tests.journeys.month.shop import Shop
from tests.journeys.month.standing import dashboard, inventory
from tests.journeys.month.sums import Report
from tests.journeys.month.visits import CASHIERS
from tests.journeys.month.wire import read

ADMIN = "amina"
LAST_DAYS = {"today": 1, "week": 7, "month": 30, "year": 365}
# Not figures: what stands behind the tallies.
ROWS = frozenset({"rows", "more"})

Read = Callable[[bytes], Any]


@dataclass(frozen=True)
class Difference:
    """`where` is the report and the way to the figure."""

    where: str
    expected: Any
    shown: Any


@dataclass(frozen=True)
class Asked:
    """Sales and profit of these periods, the ends of these days, the gateways' part of these periods, and a file."""

    periods: Sequence[str]
    spans: Sequence[Span]
    days: Sequence[date]
    file: Span
    gateways: Sequence[Span] = ()


@dataclass(frozen=True)
class Question:
    """A request for a report by `who`, and what the answer must be once it is `read`."""

    name: str
    query: Mapping[str, str]
    expected: Any
    who: str = ADMIN
    read: Read = read

    def differences(self, shop: Shop) -> Iterator[Difference]:
        answer = shop.wire.download(self.who, f"reports/{self.name}/", **self.query)
        where = f"{self.name} {dict(self.query)} for {self.who}"
        return _compare(where, self.expected, self.read(answer))


def questions(shop: Shop, zone: ZoneInfo, asked: Asked) -> list[Question]:
    """With the answers by what the books say at this moment; dashboards and shelves are always asked for."""
    expected = Expected(shop.books, facts_of(shop.books, zone), shop.clock.now)
    return [
        *_on_periods(expected, asked),
        *(Question("day-end", {"date": str(day)}, expected.day_end(day)) for day in asked.days),
        *(Question("reconciliation", _of(span), reconciliation(expected, span)) for span in asked.gateways),
        *_on_now(expected, shop.ids),
        *_for_files(expected, asked),
    ]


def _on_periods(expected: Expected, asked: Asked) -> Iterator[Question]:
    today = expected.facts.day(expected.now)
    named = {name: Span(today - timedelta(days=LAST_DAYS[name] - 1), today) for name in asked.periods}
    queries = [({"period": name}, span) for name, span in named.items()]
    for query, span in [*queries, *((_of(span), span) for span in asked.spans)]:
        yield Question("sales", query, expected.sales(span))
        yield Question("profit", query, expected.profit(span))


def _on_now(expected: Expected, ids: Mapping[str, int]) -> Iterator[Question]:
    yield Question("inventory", {}, inventory(expected), read=_inventory)
    yield Question("dashboard", {}, dashboard(expected))
    yield Question("dashboard", {"cashier": str(ids[ADMIN])}, dashboard(expected, ids[ADMIN]))
    for name in CASHIERS:
        yield Question("dashboard", {}, dashboard(expected, ids[name]), who=name)


def _for_files(expected: Expected, asked: Asked) -> Iterator[Question]:
    """Of the last of the days."""
    csv, span, day = {"export": "csv"}, asked.file, asked.days[-1]
    yield Question("sales", csv | _of(span), _filled(sales_file(expected, span)), read=read_file)
    yield Question("profit", csv | _of(span), _filled(profit_file(expected, span)), read=read_file)
    wanted = _filled(day_end_file(expected, day))
    yield Question("day-end", {**csv, "date": str(day)}, wanted, read=read_file)
    yield Question("inventory", csv, _filled(inventory_file(expected)), read=_inventory_file)


def _of(span: Span) -> dict[str, str]:
    return {"period": "custom", "start_date": str(span.first), "end_date": str(span.last)}


def _filled(sections: Sections) -> Sections:
    """A section without rows is not there."""
    return {name: rows for name, rows in sections.items() if rows}


def _inventory(content: bytes) -> Report:
    """The books do not know what numbers movements and alerts got; alerts of one moment come in any order."""
    report = read(content)
    moves, alerts = (
        [{**row, "id": None} for row in report[name]] for name in ("recent_movements", "active_alerts")
    )
    begun = [row["created_at"] for row in alerts]
    assert begun == sorted(begun, reverse=True)
    alerts.sort(key=lambda row: row["product"])
    return {**report, "recent_movements": moves, "active_alerts": alerts}


def _inventory_file(content: bytes) -> Sections:
    """In the file the products come by name, in whatever order the database has names."""
    sections = read_file(content)
    sections["products"].sort(key=lambda row: int(row["product"]))
    return sections


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
