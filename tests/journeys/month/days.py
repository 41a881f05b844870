"""Which day and hour of the shop a moment belongs to, by the calendar of its time zone."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.journeys.month.books import Books
from tests.journeys.month.records import Refund, Sale


@dataclass(frozen=True)
class Span:
    """Days of the shop, both included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)


@dataclass
class Facts:
    """What counts, on the day on which it counts: a sale when it completes, a refund when it is paid out."""

    zone: ZoneInfo
    sales: dict[date, list[Sale]] = field(default_factory=lambda: defaultdict(list))
    cancelled: dict[date, list[Sale]] = field(default_factory=lambda: defaultdict(list))
    refunds: dict[date, list[Refund]] = field(default_factory=lambda: defaultdict(list))

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def day(self, moment: datetime) -> date:
        return self.local(moment).date()

    def iso(self, moment: datetime) -> str:
        return self.local(moment).isoformat()

    def sales_of(self, span: Span) -> list[Sale]:
        return [sale for day in span for sale in self.sales.get(day, [])]

    def cancelled_of(self, span: Span) -> list[Sale]:
        return [sale for day in span for sale in self.cancelled.get(day, [])]

    def refunds_of(self, span: Span) -> list[Refund]:
        """Those of completed sales; money that no sale had counted is none of the reports' business."""
        return [refund for day in span for refund in self.refunds.get(day, [])]


def facts_of(books: Books, zone: ZoneInfo) -> Facts:
    """The books by days."""
    facts = Facts(zone)
    for sale in books.sales:
        if sale.completed:
            facts.sales[facts.day(sale.completed)].append(sale)
        if sale.cancelled:
            facts.cancelled[facts.day(sale.cancelled)].append(sale)
    for refund in books.refunds:
        if refund.paid_out and refund.from_sale:
            facts.refunds[facts.day(refund.paid_out)].append(refund)
    return facts
