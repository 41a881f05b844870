"""A clock that tests can move, and the till's sign-in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.users.models import User
from apps.users.services import login_guard
from conftest import PASSWORD, make_user

Login = Callable[..., Any]


class Clock:
    """The moment that `timezone.now()` answers; it moves only when told to."""

    def __init__(self) -> None:
        self.moment: datetime = timezone.now()

    def now(self) -> datetime:
        return self.moment

    def forward(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def login(db: None) -> Login:
    """Signs in from an address: `login("otieno")`, `login("otieno", "guess", address="10.0.0.9")`."""

    def sign_in(username: str, password: str = PASSWORD, address: str = "10.0.0.1", **headers: str) -> Any:
        body = {"username": username, "password": password}
        return APIClient().post("/api/auth/login/", body, REMOTE_ADDR=address, headers=headers)

    return sign_in


@pytest.fixture
def second_admin(db: None) -> User:
    return make_user("baraka", "admin")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody signs in at the same moment here; tests/concurrency is about that."""
    monkeypatch.setattr(login_guard, "WAITS", (0,))
