"""A report as a page to be printed: it brings along all that it needs, and runs nothing."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse

from apps.core import pages

# Of the picture, in its own units; browsers stretch it.
HEIGHT, STEP, BAR = 100, 10, 8


def page(template: str, report: Mapping[str, Any], name: str, now: datetime) -> HttpResponse:
    """The page of a report, printed at `now`. A browser that keeps it suggests `name`."""
    content = {
        "report": report,
        "without_tax": Decimal(report["total_revenue"]) - Decimal(report["total_tax"]),
        "first": date.fromisoformat(report["start"]),
        "last": date.fromisoformat(report["end"]),
        "bars": bars([point["sales"] for point in report.get("chart_data", ())]),
        "name": name,
        "now": now,
    }
    return pages.page(template, content)


def bars(values: Iterable[float]) -> dict[str, Any]:
    """A bar for each value, for a picture without a script; the highest fills it."""
    found = list(values)
    highest = max(found, default=0)
    heights = [round(HEIGHT * value / highest, 2) if highest else 0 for value in found]
    return {
        "highest": highest,
        "width": STEP * len(found),
        "shapes": [
            {"x": STEP * place, "y": round(HEIGHT - height, 2), "width": BAR, "height": height}
            for place, height in enumerate(heights)
        ],
    }
