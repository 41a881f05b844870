"""Pages: numbered with a count where counting is cheap, by cursor for lists that only ever grow."""

import json
import re
from datetime import datetime
from typing import Any, cast

from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.db import connection
from django.db.models import QuerySet, Value
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
GUESSED = "matches_unknown"
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
        if not _NUMBER.fullmatch(str(number)) or int(number) < 1:
            raise PageNotAnInteger("The number of a page is a whole number from 1.")
        before = (int(number) - 1) * self.per_page
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
        rows = self.object_list
        if GUESSED in rows.query.annotations:
            keys, found = _matching(rows, before, self.per_page + 1)
            # Only these are joined with what else belongs to a row.
            return list(rows.filter(pk__in=keys)), found
        return list(rows[before : before + self.per_page + 1]), None

    def _counted(self, seen: int) -> int:
        expected = _expected(self.object_list)
        counted = COUNTED + 1
        if expected <= 2 * COUNTED:
            counted = self.object_list.order_by().values("pk")[:counted].count()
        self.estimated = counted > COUNTED
        return max(expected, counted, seen) if self.estimated else counted


def matches_unknown(rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """For conditions whose matches the database cannot guess the number of: `Pages` finds all, then sorts and counts.

    PostgreSQL would hope for many matches, walk all rows in the order that was asked for until the page is full, and
    read the whole table where there are few.
    """
    marked: QuerySet[Any, Any] = rows.alias(**{GUESSED: Value(True)})
    return marked


def _matching(rows: QuerySet[Any, Any], before: int, count: int) -> tuple[list[int], int]:
    """The keys of some rows in their order, and how many rows there are, from one look at each."""
    order = [name for name in rows.query.order_by if isinstance(name, str) and name != "id"]
    found = rows.order_by().values_list("pk", *(name.removeprefix("-") for name in order))
    sql, params = found.query.get_compiler(connection=connection).as_sql()
    columns = [f"by{number}" for number, _ in enumerate(order)]
    by = [f"{c} DESC" if name.startswith("-") else c for c, name in zip(columns, order, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found ({', '.join(['key', *columns])}) AS MATERIALIZED ({sql})"  # noqa: S608 (from the models)
            " SELECT (SELECT count(*) FROM found), array(SELECT key FROM found"
            f" ORDER BY {', '.join([*by, 'key'])} LIMIT %s OFFSET %s)",
            [*params, count, before],
        )
        in_all, keys = cursor.fetchone()
    return keys, in_all


def _expected(rows: QuerySet[Any, Any]) -> int:
    """How many rows the database expects by its statistics; it plans the query and does not run it."""
    (planned,) = json.loads(rows.order_by().values("pk").explain(format="json"))
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
