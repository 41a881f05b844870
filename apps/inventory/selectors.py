"""Reading the ledger of stock and its counts."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, QuerySet

from apps.inventory.models import CountLine, Movement, StockAlert, StockCount
from apps.users.models import User

Row = dict[str, Any]
LINE_FIELDS = (
    "id",
    "count_id",
    "product_id",
    "product__name",
    "product__barcode",
    "system_quantity",
    "physical_quantity",
    "notes",
    "counted_by_id",
    "counted_at",
)
LAST_COUNTED = ("-counted_at", "-id")
PREVIEW = 20


def movements() -> QuerySet[Movement]:
    """All movements with what a list shows of them, in one statement."""
    return Movement.objects.select_related("product", "created_by")


def alerts() -> QuerySet[StockAlert]:
    """All alerts with the people who ended them, in one statement."""
    return StockAlert.objects.select_related("resolved_by")


def active_alerts() -> QuerySet[StockAlert]:
    """Those of what runs low now."""
    return alerts().filter(status=StockAlert.Status.ACTIVE)


def counts() -> QuerySet[StockCount]:
    """All counts with the people on them, in one statement."""
    return StockCount.objects.select_related("started_by", "completed_by")


def count_lines(count_id: int) -> QuerySet[Any, Row]:
    """The lines of a count as rows of `LINE_FIELDS`, the one counted last first."""
    return _line_rows().filter(count=count_id)


def with_names(rows: Iterable[Row]) -> list[Row]:
    """The rows, each with the name of who counted it; one statement more, because few people count much."""
    found = list(rows)
    people = User.objects.in_bulk({row["counted_by_id"] for row in found})
    return [{**row, "counted_by_name": people[row["counted_by_id"]].display_name} for row in found]


def differing(rows: QuerySet[CountLine, Any]) -> QuerySet[CountLine, Any]:
    """Those where something else was counted than was expected."""
    return rows.exclude(physical_quantity=F("system_quantity"))


def variances(count_id: int) -> list[tuple[int, Decimal]]:
    """What completing would add to each product's stock, where that is not nothing."""
    lines = differing(CountLine.objects.filter(count=count_id))
    return list(lines.values_list("product_id", F("physical_quantity") - F("system_quantity")))


class Preview(NamedTuple):
    """What a list shows of a count: how many lines it has, and those counted last, at most `PREVIEW`."""

    total: int
    rows: list[Row]


def previews(count_ids: Sequence[int]) -> dict[int, Preview]:
    """By count, in three statements, however many counts and lines."""
    last = CountLine.objects.filter(count=OuterRef("pk")).order_by(*LAST_COUNTED).values("pk")[:PREVIEW]
    chosen = dict(
        StockCount.objects.filter(pk__in=count_ids)
        .annotate(last=ArraySubquery(last))
        .values_list("pk", "last")
    )
    lines = CountLine.objects.filter(count__in=count_ids).values("count_id").annotate(number=Count("pk"))
    totals = dict(lines.values_list("count_id", "number"))
    found: dict[int, Preview] = {pk: Preview(totals.get(pk, 0), []) for pk in chosen}
    for row in with_names(_line_rows().filter(pk__in=list(chain.from_iterable(chosen.values())))):
        found[row["count_id"]].rows.append(row)
    return found


def _line_rows() -> QuerySet[Any, Row]:
    rows: QuerySet[Any, Row] = CountLine.objects.order_by(*LAST_COUNTED).values(*LINE_FIELDS)
    return rows
