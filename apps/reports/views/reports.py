"""Sales, profit, stock, the day's end and the dashboard."""

from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.clock import local_date
from apps.core.docs import documented
from apps.reports import periods
from apps.reports.periods import Period
from apps.reports.selectors.dashboard import dashboard
from apps.reports.selectors.day_end import day_end_summary
from apps.reports.selectors.profit import profit_report
from apps.reports.selectors.sales import sales_report
from apps.reports.selectors.snapshot import snapshot
from apps.reports.selectors.stock import inventory_report
from apps.reports.views.reading import covered, day_of
from apps.users.authentication import person
from apps.users.models import User
from apps.users.permissions import IsAdmin


class SalesView(APIView):
    permission_classes = (IsAdmin,)

    @documented("Sales of a period", answers={200: "The report."}, statuses=(400, 403), query=periods.QUERY)
    def get(self, request: Request) -> HttpResponseBase:
        now = timezone.now()
        period = periods.period_of(request.query_params, now)
        with covered(period, now) as cover:
            return Response(sales_report(period, cover))


class ProfitView(APIView):
    permission_classes = (IsAdmin,)

    @documented("Profit of a period", answers={200: "The report."}, statuses=(400, 403), query=periods.QUERY)
    def get(self, request: Request) -> HttpResponseBase:
        now = timezone.now()
        period = periods.period_of(request.query_params, now)
        with covered(period, now) as cover:
            return Response(profit_report(period, cover))


class InventoryView(APIView):
    permission_classes = (IsAdmin,)

    @documented("What is on the shelves", answers={200: "The report."}, statuses=(400, 403))
    def get(self, request: Request) -> HttpResponseBase:
        with snapshot():
            return Response(inventory_report())


class DayEndView(APIView):
    permission_classes = (IsAdmin,)

    @documented("Close the day", answers={200: "The report."}, statuses=(400, 403))
    def get(self, request: Request) -> HttpResponseBase:
        now = timezone.now()
        day = day_of(request.query_params.get("date", ""), local_date(now))
        with covered(Period(day, day), now) as cover:
            return Response(day_end_summary(day, cover, now))


class DashboardView(APIView):
    permission_classes = (IsAuthenticated,)

    @documented("Today at a glance", answers={200: "The dashboard."}, statuses=(400, 403))
    def get(self, request: Request) -> HttpResponseBase:
        now = timezone.now()
        cashier_id = _whose(request)
        month = periods.period_of({"period": "month"}, now)
        with covered(month, now) as cover:
            return Response(dashboard(month, cover, cashier_id))


def _whose(request: Request) -> int | None:
    """Whose sales are shown: a cashier's own, for an administrator everybody's or those of `cashier`."""
    user, wanted = person(request), request.query_params.get("cashier", "")
    if not wanted:
        return None if user.is_admin else user.pk
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= 18):
        raise ValidationError({"cashier": ["The id of a person is needed."]})
    if not user.is_admin and int(wanted) != user.pk:
        raise PermissionDenied("You see your own day only. Ask an administrator for others.")
    if not User.objects.filter(pk=int(wanted)).exists():
        raise ValidationError({"cashier": ["There is no such person."]})
    return int(wanted)
