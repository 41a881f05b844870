"""What only pages need: sessions, who is signed in at them, and what they say once.

The API knows people by their tokens and pays for none of this. (Forms are guarded against forgery everywhere: Django's
own middleware for that costs next to nothing where there are none.)
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest


class _NotForTheApi:
    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith("/api/"):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class OfficeSessions(_NotForTheApi, SessionMiddleware):
    """Sessions of the back office."""


class OfficePeople(_NotForTheApi, AuthenticationMiddleware):
    """`request.user` of the back office."""


class OfficeMessages(_NotForTheApi, MessageMiddleware):
    """What the next page says once."""
