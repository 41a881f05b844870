"""Who may read the API's documents: everybody while trying out, administrators in production (ADR 0027)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.core.errors import SENTENCES, error_body
from apps.users.authentication import TokenAuthentication
from apps.users.models import User

View = Callable[..., HttpResponse]


def page_for_readers(view: View) -> View:
    """A page: whoever may not read it is sent to the sign-in of the back office."""

    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if _may_read(request.user):
            return view(request, *args, **kwargs)
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))

    return never_cache(door)


def file_for_readers(view: View) -> View:
    """A file for programs: also for the token of an administrator."""

    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if _may_read(request.user) or _may_read(_bearer(request)):
            return view(request, *args, **kwargs)
        return JsonResponse(error_body(SENTENCES["not_authenticated"], "not_authenticated"), status=401)

    return never_cache(door)


def _may_read(user: User | AnonymousUser | None) -> bool:
    return settings.API_DOCS_PUBLIC or (isinstance(user, User) and user.is_active and user.is_admin)


def _bearer(request: HttpRequest) -> User | None:
    """Whose token the request carries."""
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        return None
    return found[0] if found else None
