"""All orders of two actors at one sale: no money is lost, and each order could have been a queue.

Checkout, payment, message, worker, cancellation, expiry and refund are played against each other in every order of
their points (tests/faults/interleaving.py). What both were answered, and what is in the books afterwards, must be what
one after the other would have given.
"""

from collections.abc import Iterator
from itertools import count, product
from typing import Any

import pytest
from django.db import DatabaseError

from apps.core.models import IdempotencyKey
from apps.payments.gateways import SharedBudget
from conftest import make_user
from payments import http
from tests.concurrency.racing import take_locks_away
from tests.concurrency.shop import put_on_shelf, tills
from tests.faults.daraja import Daraja
from tests.faults.interleaving import HOOK, Played, play
from tests.faults.scenes import SCENES, SETTINGS, Scene, Shop, assert_nothing_lost, books, in_the_end, leave
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree, disagreements

FOLLOW = ("paid", "declined", "worker", "verify")
ACTORS = {
    "unpaid": ("checkout", "cash", "prompt", "cancel", "expire"),
    "paid by phone, not heard of": (
        "paid", "declined", "worker", "verify", "confirm", "give_up", "cancel", "expire", "cash", "prompt",
    ),
    "declined on the phone, not heard of": (
        "declined", "worker", "verify", "give_up", "cancel", "expire", "cash", "prompt",
    ),
    "half paid, refund asked for": (
        "approve", "reject", "sent_back", "refund_worker", "paid", "cancel", "expire", "cash", "prompt",
    ),
    "paid, refund asked for": ("approve", "reject", "sent_back", "refund_worker", "paid", "cancel"),
}  # fmt: skip


@pytest.fixture
def shop(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    daraja = Daraja()
    monkeypatch.setattr(http.HttpClient, "_send", lambda *call: daraja.send(*call))
    monkeypatch.setattr(SharedBudget, "take", lambda *_: 0.0)
    settings.GATEWAYS = {**settings.GATEWAYS, **SETTINGS}
    settings.PUBLIC_BASE_URL = "https://shop.example"
    settings.PAYMENT_STEP_HOOK = HOOK
    (cashier,) = tills(make_user("otieno"), 1)
    (admin,) = tills(make_user("amina", "admin"), 1)
    return Shop(daraja, put_on_shelf(stock=100_000), cashier, admin)


# What is played in every run: each kind of actor once against each other that meets it in a shop.
SHORT = {
    "unpaid": [("prompt", "cash"), ("prompt", "cancel"), ("prompt", "paid"), ("checkout", "cancel")],
    "paid by phone, not heard of": [
        ("paid", "cancel"), ("paid", "worker"), ("paid", "expire"), ("worker", "paid"), ("worker", "declined"),
        ("declined", "cash"), ("give_up", "paid"), ("confirm", "paid"),
    ],
    "declined on the phone, not heard of": [("declined", "cancel"), ("worker", "prompt"), ("cancel", "declined")],
    "half paid, refund asked for": [("approve", "cancel"), ("approve", "cash"), ("approve", "refund_worker")],
    "paid, refund asked for": [("approve", "approve"), ("approve", "sent_back"), ("reject", "approve")],
}  # fmt: skip


def pairs_of(scene: str) -> list[tuple[str, str]]:
    """Who acts first, and who second. Messages and questions need somebody who was asked."""
    followers = [("prompt", last) for last in FOLLOW if scene == "unpaid"]
    return form(SHORT[scene], [*product(ACTORS[scene], ACTORS[scene]), *followers])


@pytest.mark.long_form
@pytest.mark.parametrize("scene", ACTORS)
def test_every_order_could_have_been_a_queue(shop: Shop, scene: str) -> None:
    total = waited = 0
    for first, second in pairs_of(scene):
        queues = [_in_turn(shop, scene, first, second), _in_turn(shop, scene, second, first)]
        for played, seen in _all_orders(shop, scene, first, second):
            assert seen in queues, (first, played.point, second)
            total += 1
            waited += played.waited
        assert_ledgers_agree()
    assert total
    extent = f"{total} orders of {len(pairs_of(scene))} pairs; in {waited} the second stood in line"
    show("F15", f"Two actors in every order at a sale that is {scene}", extent, "0 violations")


@pytest.mark.may_break_the_books
@pytest.mark.parametrize(("first", "second"), [("confirm", "paid"), ("give_up", "paid")])
def test_control_without_locks_some_order_is_wrong(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    """Some order breaks the books, loses money, or could not have been a queue."""
    scene = "paid by phone, not heard of"
    queues = [_in_turn(shop, scene, first, second), _in_turn(shop, scene, second, first)]
    take_locks_away(monkeypatch, 2, meet_at=IdempotencyKey)
    wrong = 0
    try:
        for _, seen in _all_orders(shop, scene, first, second, every_statement=True):
            wrong += seen not in queues
    except (AssertionError, DatabaseError):
        wrong += 1
    assert wrong or disagreements()


def _in_turn(shop: Shop, name: str, first: str, second: str) -> Any:
    """One after the other."""
    scene = SCENES[name](shop)
    answers = [getattr(scene, actor)() for actor in (first, second)]
    return sorted(map(str, answers)), _outcome(scene)


def _all_orders(
    shop: Shop, name: str, first: str, second: str, *, every_statement: bool = False
) -> Iterator[tuple[Played, Any]]:
    """The first is held at each of its points in turn, each time in a scene of its own."""
    for hold_at in count():
        scene = SCENES[name](shop)
        played = play(getattr(scene, first), getattr(scene, second), hold_at, every_statement=every_statement)
        if played is None:
            leave(scene)
            return
        yield played, (sorted(map(str, (played.first, played.second))), _outcome(scene))


def _outcome(scene: Scene) -> Any:
    in_the_end(scene)
    found = books(scene)
    assert_nothing_lost(scene)
    leave(scene)
    return found
