"""Pages: numbered with a count where counting is cheap, by cursor for lists that only ever grow."""

import json
import re
from datetime import datetime
from typing import Any, cast

from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.db.models import Count, QuerySet, Window
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
# So many rows are counted in a few milliseconds.
COUNTED = 10_000
FOUND = "found_in_all"
# The parameters that ask for days, wherever a list has them.
DAYS = ("start_date", "end_date")


class Pages(Paginator):  # type: ignore[type-arg]
    """Reads a page first, and counts only what it does not tell and what is cheap to count.

    `count` is exact up to `COUNTED` rows, and whenever the last page was read. Beyond, it is what the database expects,
    and `estimated` says so.
    """

    object_list: QuerySet[Any, Any]

    def __init__(self, rows: QuerySet[Any, Any], per_page: int) -> None:
        super().__init__(rows, per_page)
        self.estimated = False

    def page(self, number: int | str) -> "Page[Any]":
        if not _NUMBER.fullmatch(str(number)):
            raise PageNotAnInteger("The number of a page is a whole number from 1.")
        before = (int(number) - 1) * self.per_page
        if before < 0:
            raise PageNotAnInteger("The number of a page is a whole number from 1.")
        rows, found = self._read(before)
        if before and not rows:
            raise EmptyPage("There are no rows on this page.")
        seen = before + len(rows)
        if found is None:
            found = seen if len(rows) <= self.per_page else self._counted(seen)
        self.count = found
        return Page(rows[: self.per_page], int(number), self)

    @cached_property
    def count(self) -> int:
        """Needed before a page was read: for the number of the last one."""
        return self.object_list.count()

    def _read(self, before: int) -> tuple[list[Any], int | None]:
        """The rows of a page, and one more if there is one; how many there are in all, if that cost nothing."""
        rows, here = self.object_list, slice(before, before + self.per_page + 1)
        if FOUND not in rows.query.annotations:
            return list(rows[here]), None
        keys = list(rows.values_list("pk", FOUND)[here])
        # Only these are joined with what else belongs to a row.
        return list(rows.filter(pk__in=[key for key, _ in keys])), keys[0][1] if keys else 0

    def _counted(self, seen: int) -> int:
        counted = self.object_list.order_by().values("pk")[: COUNTED + 1].count()
        self.estimated = counted > COUNTED
        return max(_expected(self.object_list), counted, seen) if self.estimated else counted


def in_one_pass(rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """For conditions whose matches the database cannot guess the number of: all are found, counted and sorted at once.

    Without it PostgreSQL hopes that there are many matches, walks all rows in the order that was asked for until the
    page is full, and reads the whole table where there are few.
    """
    counted: QuerySet[Any, Any] = rows.annotate(**{FOUND: Window(Count("*"))})
    return counted


def _expected(rows: QuerySet[Any, Any]) -> int:
    """How many rows the database expects by its statistics; it plans the query and does not run it."""
    (planned,) = json.loads(rows.explain(format="json"))
    return int(planned["Plan"]["Plan Rows"])


class NumberedPages(PageNumberPagination):
    """`{count, count_is_estimate, next, previous, results}`, 50 rows unless `page_size` says otherwise, at most 200."""

    django_paginator_class = Pages
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"

    def get_paginated_response(self, data: Any) -> Response:
        pages = cast(Pages, cast("Page[Any]", self.page).paginator)
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        return Response(
            {"count": pages.count, "count_is_estimate": pages.estimated, **links, "results": data}
        )


class NewestFirst(CursorPagination):
    """`{next, previous, results}` by falling id: page 10,000 costs what page 1 costs.

    By falling time where days were asked for: the rows of those days lie together in the index of the time, and by id
    all newer ones would have to be passed first.
    """

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = "-id"
    # Rows of one moment are passed one by one; one delivery has at most 10,000.
    offset_cutoff = 20_000

    def get_ordering(self, request: Request, queryset: QuerySet[Any, Any], view: Any) -> tuple[str, ...]:
        asked = getattr(view, "filterset_class", None)
        filters = asked.base_filters if asked else {}
        for name in DAYS:
            if name in filters and request.query_params.get(name):
                return f"-{filters[name].field_name}", "-id"
        return (self.ordering,)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """DRF hands the position to the database as it came; only an id or, of days, a moment may pass."""
        cursor: Any = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            readable = _POSITION.fullmatch if len(self.ordering) == 1 else _moment
            if not readable(cursor.position):
                raise NotFound(self.invalid_cursor_message)
        return cursor  # type: ignore[no-any-return]


def _moment(position: str) -> datetime | None:
    """Of `str()` of a moment."""
    try:
        found = parse_datetime(position) if position.isascii() else None
    except ValueError:
        return None
    return found if found and found.tzinfo and 1900 <= found.year <= 9000 else None
