"""Signing in and out. One token per device, stored as a digest."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone

from apps.users.errors import InvalidCredentials
from apps.users.models import AuthToken, User
from apps.users.services.login_guard import forget_old_attempts


@dataclass(frozen=True)
class SignedIn:
    """A fresh token in clear, which exists nowhere else, and when it expires."""

    user: User
    token: str
    expiry: datetime


def sign_in(request: HttpRequest, username: str, password: str) -> SignedIn:
    """A token for the device that asks.

    Raises `InvalidCredentials`, the same for an unknown name, a wrong password and an inactive user, and
    `TooManyAttempts`.
    """
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials("The user name or the password is wrong.")
    token, clear = AuthToken.objects.create(user, stamp=user.credential_stamp())
    return SignedIn(user, clear, token.expiry)


def sign_out(token: AuthToken) -> None:
    """This device's token stops working at once."""
    token.delete()


def sign_out_everywhere(user: User) -> None:
    """Every token of the user stops working at once."""
    AuthToken.objects.filter(user=user).delete()


def sweep_sign_ins() -> int:
    """Deletes expired tokens and forgotten login counters; returns how many rows went."""
    expired: int = AuthToken.objects.filter(expiry__lt=timezone.now()).delete()[0]
    return expired + forget_old_attempts()
