"""Reports: read, or taken away as a file."""

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import clock
from apps.core.docs import documented
from apps.reports import exporting, periods
from apps.reports.selectors.reconciliation import all_rows, reconciliation, row_count
from apps.reports.selectors.snapshot import snapshot
from apps.reports.serializers import ReconciliationSerializer
from apps.reports.tables import reconciliation_table
from apps.reports.views.reading import read_again
from apps.users.permissions import IsAdmin

RECONCILIATION = """\
What the shop booked against what each gateway said, by day; cash and transfers are left out.

`booked` is what settled payments brought in on the day they were completed. Each stands in one of `matched` (proven \
by the gateway, receipt known), `without_receipt` (proven, receipt still to come) and `confirmed_by_hand` (an \
administrator's word). `gateway` is the first two together and `difference` = booked - gateway. `refunded` is what \
went back through the gateway on the day it was paid out.

To look into: `unmatched_callbacks` (messages that name nothing of ours, were given up or are not trusted; `total` is \
the money they speak of), `amount_differences` (the gateway named another amount than was asked for; `total` is its \
amount less ours, where the currencies agree), `still_pending` (open payments begun that day), `late_money` (what \
came beyond what the sale could take; a refund waits for approval), `needs_attention` (payments and refunds that wait \
for a person, and payments open for more than 24 hours). These are no part of `booked`, and a payment may stand in \
several.

`export=csv` and `export=xlsx` answer with a file named `reconciliation-<start>-<end>`, one line for each row."""


class ReconciliationView(APIView):
    """Gateways and books side by side."""

    permission_classes = (IsAdmin,)

    @documented(
        "Compare the books with the gateways",
        description=RECONCILIATION,
        answers={200: ReconciliationSerializer},
        statuses=(400, 403),
        query={**periods.QUERY, **exporting.QUERY},
        produces=exporting.PRODUCES,
    )
    @read_again
    def get(self, request: Request) -> HttpResponseBase:
        now = clock.now()
        period = periods.period_of(request.query_params, now)
        kind = exporting.export_kind(request.query_params.get("export", ""))
        with snapshot():
            if not kind:
                return Response(reconciliation(period, now))
            table = reconciliation_table(all_rows(period, now), row_count(period, now))
            file = exporting.ReportFile(kind, [table])
        return file.answer(f"reconciliation-{period.first}-{period.last}")
