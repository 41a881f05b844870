"""Who asks: the token of a request, and the password behind the login guard."""

from typing import Any, cast

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.users.models import AuthToken, User
from apps.users.selectors import token_by_digest
from apps.users.services import login_guard


class TokenAuthentication(KnoxAuthentication):
    """knox in one statement, with immediate revocation.

    knox itself sweeps a user's tokens on every request and answers a header of bytes `FF FE` with a crash;
    sweeping is a command here, and a token that is not ASCII was never issued.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        if not token.isascii():
            raise AuthenticationFailed("Invalid token.")
        found = token_by_digest(hash_token(token.decode()), timezone.now())
        if found is None or not found.is_current():
            raise AuthenticationFailed("The token is not valid any more. Sign in again.")
        return found.user, found


class GuardedBackend(ModelBackend):
    """Passwords for the API and the admin alike; every check is reserved in the login guard first."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        address = client_address(request)
        login_guard.reserve(username, address)
        user = super().authenticate(request, username=username, password=password)
        if isinstance(user, User):
            login_guard.release(username, address)
            return user
        return None


def person(request: Request) -> User:
    """Who is signed in; behind the default permission there is always somebody."""
    return cast(User, request.user)


def client_address(request: HttpRequest | None) -> str:
    """The address the request came from; X-Forwarded-For counts only as far as `NUM_PROXIES` says."""
    return str(BaseThrottle().get_ident(request) or "") if request is not None else "local"  # type: ignore[arg-type]
