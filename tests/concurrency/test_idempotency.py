"""One `Idempotency-Key`, many requests: one effect and one answer."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from apps.core.errors import Busy
from apps.core.idempotency import CLAIM
from apps.core.models import IdempotencyKey
from apps.sales import services
from apps.sales.models import Sale
from apps.users.models import User
from tests.concurrency.racing import (
    another_connection,
    ask,
    meeting_of,
    outcome,
    outcomes,
    race,
    together,
    wait_until,
    waiting_for_locks,
)
from tests.concurrency.shop import (
    PRICE,
    SALES,
    basket,
    cancel,
    pending_sale,
    put_on_shelf,
    sell,
    stock_of,
    tills,
)
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = form(24, 64)
WAITERS = 12
KEY = "till-7-basket-4711"
REPLAYED = "Idempotent-Replayed"


def assert_one_did_and_the_others_repeat_it(answers: list[HttpResponse]) -> None:
    assert outcomes(answers) == {(201, None): len(answers)}
    assert len({answer.content for answer in answers}) == 1
    replays = Counter(answer.headers.get(REPLAYED) for answer in answers)
    assert replays == {None: 1, "true": len(answers) - 1}


def test_control_without_the_claim_every_repeat_sells_again(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, TILLS)
    monkeypatch.setattr("apps.core.idempotency._claim", lambda *_: 0)

    answers = race(TILLS, lambda i: sell(devices[i], basket(milk), KEY))

    assert outcomes(answers) == {(201, None): TILLS}
    assert Sale.objects.count() == TILLS
    assert stock_of(milk) == 100 - TILLS


def test_one_key_is_one_sale_and_one_answer(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, TILLS)

    answers = race(TILLS, lambda i: sell(devices[i], basket(milk, amount_paid=PRICE), KEY))

    assert_one_did_and_the_others_repeat_it(answers)
    assert Sale.objects.count() == 1
    assert stock_of(milk) == 99
    assert_ledgers_agree()


@pytest.mark.long_form
def test_many_keys_are_as_many_sales(cashier: User) -> None:
    """A till that waits too long for the first answer is told so, and asks again."""
    keys = [f"basket-{number}" for number in range(form(3, 100))]
    milk, devices, meeting = put_on_shelf(stock=1000), tills(cashier, TILLS), meeting_of(TILLS)

    def ask_for_all(i: int) -> list[HttpResponse]:
        at_once = together(meeting, sell)
        return [at_once(devices[i], basket(milk, amount_paid=PRICE), key) for key in keys]

    rounds = list(zip(*race(TILLS, ask_for_all), strict=True))

    for answers in rounds:
        waited = [answer for answer in answers if answer.status_code == 409]
        assert {answer.headers["Retry-After"] for answer in waited} <= {"1"}
        assert set(outcomes(waited)) <= {(409, "idempotency_in_progress")}
        assert_one_did_and_the_others_repeat_it([answer for answer in answers if answer not in waited])
    assert Sale.objects.count() == len(keys)
    assert stock_of(milk) == 1000 - len(keys)
    assert_ledgers_agree()
    told = f"{len(keys)} sales, identical bytes for the {len(keys) * TILLS - _refused(rounds):,} that were answered"
    show("C5", "one key, many at once", f"{len(keys)} keys x {TILLS} requests", told)


def _refused(rounds: Iterable[Sequence[HttpResponse]]) -> int:
    return sum(answer.status_code == 409 for answers in rounds for answer in answers)


@pytest.mark.long_form
def test_of_two_bodies_with_one_key_one_wins(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, TILLS)

    answers = race(TILLS, lambda i: sell(devices[i], basket(milk, quantity=1 + i % 2), KEY))

    ones, twos = answers[0::2], answers[1::2]
    winners, losers = (ones, twos) if ones[0].status_code == 201 else (twos, ones)
    assert_one_did_and_the_others_repeat_it(winners)
    assert outcomes(losers) == {(422, "idempotency_key_reused"): TILLS // 2}
    assert stock_of(milk) == 100 - winners[0].json()["items"][0]["quantity"]
    assert Sale.objects.count() == 1
    assert_ledgers_agree()
    told = f"one body wins x {TILLS // 2}, the other 422 x {TILLS // 2}"
    show("C6", "one key, two bodies", f"{TILLS} requests", told)


@pytest.mark.long_form
def test_two_cashiers_may_use_the_same_key(cashier: User, stranger: User) -> None:
    milk = put_on_shelf(stock=100)
    devices = [*tills(cashier, TILLS // 2), *tills(stranger, TILLS // 2)]

    answers = race(TILLS, lambda i: sell(devices[i], basket(milk), KEY))

    assert_one_did_and_the_others_repeat_it(answers[: TILLS // 2])
    assert_one_did_and_the_others_repeat_it(answers[TILLS // 2 :])
    assert set(Sale.objects.values_list("cashier", flat=True)) == {cashier.pk, stranger.pk}
    assert Sale.objects.count() == 2
    assert stock_of(milk) == 98
    assert_ledgers_agree()
    show("C7", "one key, two cashiers", f"{TILLS} requests", "one sale each, nobody sees the other's answer")


def test_one_key_at_two_addresses_is_two_requests(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, TILLS)
    sales = [pending_sale(devices[i], milk) for i in range(2)]

    def act(i: int) -> HttpResponse:
        return devices[i].post(f"{SALES}{sales[i % 2]}/cancel/", headers={"Idempotency-Key": KEY})

    answers = race(TILLS, act)

    assert outcomes(answers) == {(200, None): TILLS}
    assert [len({answer.content for answer in answers[half::2]}) for half in (0, 1)] == [1, 1]
    assert Sale.objects.filter(status="cancelled").count() == 2
    assert stock_of(milk) == 100
    assert_ledgers_agree()
    show("C7", "one key, two addresses", f"{TILLS} requests", "independent, one effect each")


def give_up() -> None:
    raise Busy


def lose_the_connection() -> None:
    """What a killed worker or a pulled cable leaves to the database."""
    pid = ask("SELECT pg_backend_pid()")
    with another_connection() as other:
        ask(f"SELECT pg_terminate_backend({pid}, 5000)::int", other)


@pytest.mark.parametrize("end", [give_up, lose_the_connection])
def test_when_the_first_is_rolled_back_one_of_the_waiting_does_the_work(
    cashier: User, monkeypatch: pytest.MonkeyPatch, end: Callable[[], None]
) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, WAITERS)
    monkeypatch.setattr(services, "sell", _first_ends_when_all_wait(services.sell, end))

    answers = race(WAITERS, lambda i: sell(devices[i], basket(milk, amount_paid=PRICE), KEY))

    failed = [answer for answer in answers if answer.status_code != 201]
    assert outcomes(failed) == {(503, "busy"): 1}
    assert failed[0].headers["Retry-After"] == "1"
    assert_one_did_and_the_others_repeat_it([answer for answer in answers if answer not in failed])
    assert Sale.objects.count() == 1
    assert stock_of(milk) == 99
    assert_ledgers_agree()


def _first_ends_when_all_wait(sell: Callable[..., Any], end: Callable[[], None]) -> Callable[..., Any]:
    """The first has taken the goods and the money when it ends; the others wait for its key by then."""
    turn = count()

    def sell_or_end(*args: Any, **kwargs: Any) -> Any:
        number, done = next(turn), sell(*args, **kwargs)
        if number == 0:
            with another_connection() as other:
                wait_until(lambda: waiting_for_locks(other) == WAITERS - 1)
            end()
        return done

    return sell_or_end


def test_a_key_that_stays_in_use_is_answered_with_in_progress(cashier: User) -> None:
    milk, (device,) = put_on_shelf(stock=100), tills(cashier, 1)

    with another_connection() as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(CLAIM, [cashier.pk, SALES, KEY, "0" * 64, timezone.now()])
        refused = sell(device, basket(milk), KEY)
        other.rollback()

    assert outcome(refused) == (409, "idempotency_in_progress")
    assert refused.headers["Retry-After"] == "1"
    assert (Sale.objects.count(), IdempotencyKey.objects.count(), stock_of(milk)) == (0, 0, 100)
    assert not connection.in_atomic_block
    assert outcome(sell(device, basket(milk), KEY)) == (201, None)
    assert_ledgers_agree()


def test_a_refused_request_leaves_its_key_free(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=1), tills(cashier, TILLS)
    sale = pending_sale(devices[0], milk)

    refused = race(TILLS, lambda i: sell(devices[i], basket(milk), KEY))

    assert outcomes(refused) == {(409, "insufficient_stock"): TILLS}
    assert outcome(cancel(devices[0], sale)) == (200, None)
    assert_one_did_and_the_others_repeat_it(race(TILLS, lambda i: sell(devices[i], basket(milk), KEY)))
    assert_ledgers_agree()
