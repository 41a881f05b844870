"""Sales, profit, stock, the day's end and the dashboard."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from apps.core.clock import local_date
from apps.core.docs import documented
from apps.reports import exporting, periods, tables
from apps.reports.exporting import Table
from apps.reports.periods import Period
from apps.reports.selectors.dashboard import dashboard
from apps.reports.selectors.day_end import day_end_summary
from apps.reports.selectors.profit import profit_report
from apps.reports.selectors.sales import sales_report
from apps.reports.selectors.snapshot import snapshot
from apps.reports.selectors.stock import inventory_report
from apps.reports.selectors.sums import Cover
from apps.reports.serializers import (
    DashboardSerializer,
    DayEndSerializer,
    InventoryReportSerializer,
    ProfitReportSerializer,
    SalesReportSerializer,
)
from apps.reports.views import descriptions
from apps.reports.views.answering import Asked, DayView, ReportView
from apps.reports.views.reading import day_of
from apps.users.authentication import person
from apps.users.models import User

NOWHERE = Cover([], {}, [])


class SalesView(ReportView):
    """What was sold, by whom, when, and how it was paid."""

    name = "sales"
    template = "reports/sales.html"

    @documented(
        "Sales of a period",
        description=descriptions.SALES,
        answers={200: SalesReportSerializer},
        statuses=(400, 403),
        query={**periods.QUERY, **exporting.PRINTABLE},
        produces=exporting.PRODUCES,
    )
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def report(self, asked: Asked, cover: Cover) -> dict[str, Any]:
        return sales_report(asked.period, cover)

    def tables(self, asked: Asked, cover: Cover) -> Sequence[Table]:
        return tables.sales_tables(asked.period, cover)


class ProfitView(ReportView):
    """What the sold goods earned."""

    name = "profit"

    @documented(
        "Profit of a period",
        description=descriptions.PROFIT,
        answers={200: ProfitReportSerializer},
        statuses=(400, 403),
        query={**periods.QUERY, **exporting.QUERY},
        produces=exporting.PRODUCES,
    )
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def report(self, asked: Asked, cover: Cover) -> dict[str, Any]:
        return profit_report(asked.period, cover)

    def tables(self, asked: Asked, cover: Cover) -> Sequence[Table]:
        return tables.profit_tables(asked.period, cover)


class InventoryView(DayView):
    """What is on the shelves."""

    name = "inventory"

    @documented(
        "What is on the shelves",
        description=descriptions.INVENTORY,
        answers={200: InventoryReportSerializer},
        statuses=(400, 403),
        query={"period": descriptions.NO_PERIOD, **exporting.QUERY},
        produces=exporting.PRODUCES,
    )
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def asked(self, request: Request, now: datetime) -> Asked:
        super().asked(request, now)
        day = local_date(now)
        return Asked(now, Period(day, day))

    @contextmanager
    def reading(self, asked: Asked) -> Iterator[Cover]:
        with snapshot():
            yield NOWHERE

    def report(self, asked: Asked, cover: Cover) -> dict[str, Any]:
        return inventory_report()

    def tables(self, asked: Asked, cover: Cover) -> Sequence[Table]:
        return tables.inventory_tables(asked.period.last)


class DayEndView(DayView):
    """What the person who closes the shop signs."""

    name = "day-end"
    template = "reports/day_end.html"

    @documented(
        "Close the day",
        description=descriptions.DAY_END,
        answers={200: DayEndSerializer},
        statuses=(400, 403),
        query={"date": descriptions.DATE, **exporting.PRINTABLE},
        produces=exporting.PRODUCES,
    )
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def asked(self, request: Request, now: datetime) -> Asked:
        day = day_of(request.query_params.get("date", ""), local_date(now))
        return Asked(now, Period(day, day))

    def report(self, asked: Asked, cover: Cover) -> dict[str, Any]:
        return day_end_summary(asked.period.last, cover, asked.now)

    def tables(self, asked: Asked, cover: Cover) -> Sequence[Table]:
        return tables.day_end_tables(self.report(asked, cover), cover)


class DashboardView(DayView):
    """Today at a glance."""

    permission_classes = (IsAuthenticated,)
    name = "dashboard"

    @documented(
        "Today at a glance",
        description=descriptions.DASHBOARD,
        answers={200: DashboardSerializer},
        statuses=(400, 403),
        query={
            "cashier": descriptions.CASHIER,
            "period": descriptions.NO_PERIOD,
            **exporting.QUERY,
        },
        produces=exporting.PRODUCES,
    )
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def asked(self, request: Request, now: datetime) -> Asked:
        super().asked(request, now)
        return Asked(now, periods.period_of({"period": "month"}, now), _whose(request))

    def report(self, asked: Asked, cover: Cover) -> dict[str, Any]:
        return dashboard(asked.period, cover, asked.cashier_id)

    def tables(self, asked: Asked, cover: Cover) -> Sequence[Table]:
        return tables.dashboard_tables(self.report(asked, cover), asked.period.last)


def _whose(request: Request) -> int | None:
    """Whose sales are shown: a cashier's own, for an administrator everybody's or those of `cashier`."""
    user, wanted = person(request), request.query_params.get("cashier", "")
    if not wanted:
        return None if user.is_admin else user.pk
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= 18):
        raise ValidationError({"cashier": ["The id of a person is needed."]})
    if not user.is_admin and int(wanted) != user.pk:
        raise PermissionDenied
    if not User.objects.filter(pk=int(wanted)).exists():
        raise ValidationError({"cashier": ["There is no such person."]})
    return int(wanted)
