"""When the database lets nobody else in, connections are shared instead of kept.

Each thread keeps its connection (CONN_MAX_AGE). With more threads than the database grants connections those that came
first would keep them for ever, also when nobody asks them anything, and all others would answer 503 for as long.
"""

import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from apps.core.error_handler import from_database
from apps.core.errors import Busy, error_body

SHARING_SECONDS = 30.0


class ScarceConnectionsMiddleware:
    """Once a thread of this process got no connection, all of them give theirs back after each request, for a while."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._sharing_until = 0.0

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 503 and connection.connection is None:
            self._sharing_until = time.monotonic() + SHARING_SECONDS
        elif time.monotonic() < self._sharing_until and not (
            response.streaming or connection.in_atomic_block
        ):
            # A file that is being streamed still reads from it.
            connection.close()
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Pages that meet a database that is away say so, as the API does."""
        busy = from_database(error) if isinstance(error, DatabaseError | InterfaceError) else error
        if not isinstance(busy, Busy):
            return None
        return JsonResponse(error_body(busy.sentence, busy.code), status=busy.status, headers=busy.headers)
