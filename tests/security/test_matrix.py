"""Every address, every method, every kind of person: answered as the table says, and nothing left behind (S1).

And the other way round: with a lock taken off a door the table no longer holds, for each lock by itself.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from apps.core.admin import ReadOnlyAdmin
from apps.payments import selectors
from apps.payments.models import Payment, Refund
from apps.sales.models import Sale
from apps.sales.views import SaleViewSet
from apps.users import authentication
from apps.users.models import AuthToken
from apps.users.permissions import IsAdmin, ReadOrAdmin
from tests.figures import show
from tests.security.addresses import every_address
from tests.security.doors import ACTORS, Doors, replaced
from tests.security.matrix import matrix

pytestmark = pytest.mark.django_db
ADDRESSES = every_address()
EXPECTED = matrix()
DEAD = ("inactive", "expired", "revoked")


def unexpected(doors: Doors, actors: Collection[str], outcome: str = "", view: Any = None) -> list[str]:
    """The cells that differ, of these actors; only those that should be `outcome`, only those of a view."""
    wrong = []
    for address in ADDRESSES:
        if view is not None and (address.route is None or address.route.view is not view):
            continue
        for actor in actors:
            expected = EXPECTED[str(address)][actor]
            if outcome in ("", expected) and (found := doors.knock(address, actor)) != expected:
                wrong.append(f"{address}: {actor} is answered {found}, not {expected}")
    return wrong


def test_the_table_names_every_address_and_no_other() -> None:
    assert {str(address) for address in ADDRESSES} == set(EXPECTED)
    assert len(EXPECTED) == len(ADDRESSES)


def test_the_table_itself_lets_nobody_in_by_mistake() -> None:
    """What can be said of whole columns, whoever changes a line."""
    for name, cells in EXPECTED.items():
        assert {cells[actor] for actor in DEAD} == {cells["nobody"]}, name
        if " /api/" in name:
            assert cells["office"] == cells["lobby"] == cells["nobody"], name
        if " /admin/" in name:
            assert {cells[actor] for actor in ACTORS if actor != "office"} == {cells["nobody"]}, name
        if "webhooks" not in name:
            assert "!" not in "".join(cells.values()), name


def test_everybody_is_answered_as_the_table_says(doors: Doors) -> None:
    wrong = unexpected(doors, ACTORS)
    assert not wrong, "\n".join(wrong[:40])
    cells = len(EXPECTED) * len(ACTORS)
    extent = f"{len(EXPECTED)} addresses and methods x {len(ACTORS)} kinds of people, {cells:,} requests"
    show("S1", "authorisation matrix", extent, "0 unexpected, nothing changed by a refusal")


GUARDED = sorted({a.route.view for a in ADDRESSES if a.route and EXPECTED[str(a)]["owner"] == "403"}, key=str)


@pytest.mark.parametrize("view", GUARDED, ids=lambda view: view.__name__)
def test_control_without_its_permissions_each_view_is_seen_open(doors: Doors, view: type[APIView]) -> None:
    closed = [a for a in ADDRESSES if a.route and a.route.view is view and EXPECTED[str(a)]["other"] == "403"]
    with replaced(view, "get_permissions", lambda self: [IsAuthenticated()]):
        assert len(unexpected(doors, ["other"], "403", view)) == len(closed)


@contextmanager
def _yesterday() -> Iterator[None]:
    """Authentication that looks at the wrong clock."""
    clock = SimpleNamespace(now=lambda: timezone.now() - timedelta(days=1))
    with replaced(authentication, "timezone", clock):
        yield


@contextmanager
def _sales_of_everybody() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(replaced(SaleViewSet, "_visible", lambda self: Sale.objects.all()))
        unlocked = lambda self, pk: Sale.objects.select_for_update().get(pk=pk)  # noqa: E731
        stack.enter_context(replaced(SaleViewSet, "_locked", unlocked))
        yield


# Each takes one lock off: the actors who then get in, and what they should be answered.
LOCKS: dict[str, tuple[Callable[[], Any], Collection[str], str]] = {
    "tokens of people who left": (
        lambda: replaced(AuthToken, "is_current", lambda self: True),
        ["inactive", "revoked"],
        "401",
    ),
    "tokens of yesterday": (_yesterday, ["expired"], "401"),
    "sessions of the back office at the API": (
        lambda: replaced(APIView, "authentication_classes", [SessionAuthentication]),
        ["office", "lobby"],
        "401",
    ),
    "administrators only": (
        lambda: replaced(IsAdmin, "has_permission", IsAuthenticated.has_permission),
        ["owner"],
        "403",
    ),
    "everybody reads": (
        lambda: replaced(ReadOrAdmin, "has_permission", IsAuthenticated.has_permission),
        ["owner"],
        "403",
    ),
    "own sales": (_sales_of_everybody, ["other"], "404"),
    "own payments": (
        lambda: replaced(selectors, "payments_seen_by", lambda user: Payment.objects.all()),
        ["other"],
        "404",
    ),
    "own refunds": (
        lambda: replaced(selectors, "refunds_seen_by", lambda user: Refund.objects.all()),
        ["other"],
        "404",
    ),
    "the back office": (
        lambda: replaced(admin.site, "has_permission", lambda request: True),
        ["lobby"],
        "login",
    ),
    "ledgers": (
        lambda: replaced(ReadOnlyAdmin, "has_change_permission", lambda *_: True),
        ["office"],
        "403",
    ),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_control_with_one_lock_off_the_table_fails(doors: Doors, lock: str) -> None:
    taken_off, actors, outcome = LOCKS[lock]
    with taken_off():
        let_in = unexpected(doors, actors, outcome)
    assert let_in, f"{lock}: nobody got in"
    show("S1", f"control, without the lock: {lock}", f"{len(let_in)} cells", "seen by the matrix")
