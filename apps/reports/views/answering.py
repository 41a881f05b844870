"""How all reports are answered: as JSON, as a file or as a page, each from one moment."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import clock
from apps.reports import periods
from apps.reports.exporting import FILES, HTML, ReportFile, Table, export_kind
from apps.reports.periods import Period
from apps.reports.selectors.sums import Cover
from apps.reports.views.page import page
from apps.reports.views.reading import covered, read_again
from apps.users.permissions import IsAdmin


@dataclass(frozen=True)
class Asked:
    """What a request wants to know. `cashier_id` is None for everybody's figures."""

    now: datetime
    period: Period
    cashier_id: int | None = None


class ReportView(APIView):
    """A report on a period; those below say what is in it. `name` begins the names of its files."""

    permission_classes: Sequence[type[BasePermission]] = (IsAdmin,)
    name: ClassVar[str]
    template: ClassVar[str] = ""

    def report(self, asked: Asked, cover: Cover) -> dict[str, Any]:
        """The answer as JSON."""
        raise NotImplementedError

    def tables(self, asked: Asked, cover: Cover) -> Sequence[Table]:
        """The same as a file."""
        raise NotImplementedError

    def asked(self, request: Request, now: datetime) -> Asked:
        return Asked(now, periods.period_of(request.query_params, now))

    def reading(self, asked: Asked) -> AbstractContextManager[Cover]:
        return covered(asked.period, asked.now)

    def file_name(self, asked: Asked) -> str:
        return f"{self.name}-{asked.period.first}-{asked.period.last}"

    @read_again
    def answer(self, request: Request) -> HttpResponseBase:
        kinds = (*FILES, HTML) if self.template else FILES
        kind = export_kind(request.query_params.get("export", ""), kinds)
        asked = self.asked(request, clock.now())
        with self.reading(asked) as cover:
            if kind in FILES:
                file = ReportFile(kind, self.tables(asked, cover))
            else:
                report = self.report(asked, cover)
        if kind in FILES:
            return file.answer(self.file_name(asked))
        if kind == HTML:
            return page(self.template, report, self.file_name(asked), asked.now)
        return Response(report)


class DayView(ReportView):
    """A report whose files are named after one day, the period's last."""

    def file_name(self, asked: Asked) -> str:
        return f"{self.name}-{asked.period.last}"
