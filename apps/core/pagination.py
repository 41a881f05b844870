"""Pages: numbered with a count where counting is cheap, by cursor for lists that only ever grow."""

import re
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination, PageNumberPagination
from rest_framework.request import Request

_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)


class NumberedPages(PageNumberPagination):
    """`{count, next, previous, results}`, 50 rows unless `page_size` says otherwise, at most 200."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class NewestFirst(CursorPagination):
    """`{next, previous, results}` by falling id: page 10,000 costs what page 1 costs."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = "-id"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """DRF hands the position to the database as it came; only an id may pass."""
        cursor: Any = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _POSITION.fullmatch(cursor.position):
            raise NotFound(self.invalid_cursor_message)
        return cursor  # type: ignore[no-any-return]
