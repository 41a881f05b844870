"""The process that holds a key is killed (`kill -9`) in mid transaction, while the till asks again."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.core.models import IdempotencyKey
from apps.products.models import Product
from apps.sales.models import Sale
from apps.users.models import AuthToken, User
from pos_backend.local.postgres import PROJECT
from tests.concurrency.racing import (
    LONG_WAIT,
    another_connection,
    outcome,
    race,
    wait_until,
    waiting_for_locks,
)
from tests.concurrency.shop import PRICE, basket, put_on_shelf, sell, stock_of, tills
from tests.concurrency.test_idempotency import assert_one_did_and_the_others_repeat_it
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long_form]
WAITERS = form(8, 24)
ROUNDS = form(1, 10)
TAKEN_OVER_WITHIN = 5.0


@contextmanager
def a_holder(user: User, key: str, product: Product) -> Iterator[subprocess.Popen[bytes]]:
    """Has taken the key, the goods and the money, and commits nothing."""
    _, token = AuthToken.objects.create(user, stamp=user.credential_stamp())
    here = urlsplit(os.environ["DATABASE_URL"])
    env = {
        **os.environ,
        "PGAPPNAME": "house",
        "DATABASE_URL": here._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
    }
    command = [sys.executable, "-m", "tests.concurrency.holder", token, key, str(product.pk)]
    process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"holding\n"
        yield process
    finally:
        process.kill()
        process.wait()


def _kill_when_all_wait(holder: subprocess.Popen[bytes]) -> float:
    with another_connection() as other:
        wait_until(lambda: waiting_for_locks(other) == WAITERS)
    holder.kill()
    return time.monotonic()


def test_the_sale_of_a_killed_process_is_made_once_by_who_asks_again(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, WAITERS)
    waits = []
    for number in range(ROUNDS):
        key = f"basket-{number}"
        with a_holder(cashier, key, milk) as holder:
            waits.append(_ask_again(holder, devices, basket(milk, amount_paid=PRICE), key))

    assert Sale.objects.count() == IdempotencyKey.objects.count() == ROUNDS
    assert stock_of(milk) == 100 - ROUNDS
    assert max(waits) < TAKEN_OVER_WITHIN
    assert_ledgers_agree()
    told = f"one sale each, identical answers, {max(waits):.2f} s after the kill at the latest"
    show(
        "C8",
        "the first holder of a key killed in mid transaction",
        f"{ROUNDS} kills, {WAITERS} waiting",
        told,
    )


def _ask_again(
    holder: subprocess.Popen[bytes], devices: list[APIClient], body: dict[str, Any], key: str
) -> float:
    """Until everybody is answered; how long after the kill that was, in seconds."""

    def act(i: int) -> tuple[float, HttpResponse | None]:
        if i == WAITERS:
            return _kill_when_all_wait(holder), None
        answer = sell(devices[i], body, key)
        return time.monotonic(), answer

    *answered, (killed, _) = race(WAITERS + 1, act, waits=LONG_WAIT)
    assert_one_did_and_the_others_repeat_it([answer for _, answer in answered if answer is not None])
    return max(moment for moment, _ in answered) - killed


def test_control_while_the_holder_lives_nobody_else_sells(cashier: User) -> None:
    """It is the kill that lets the others in, after the three seconds for which a till waits."""
    milk, (device,) = put_on_shelf(stock=100), tills(cashier, 1)
    with a_holder(cashier, "basket", milk):
        assert outcome(sell(device, basket(milk), "basket")) == (409, "idempotency_in_progress")
        assert (Sale.objects.count(), stock_of(milk)) == (0, 100)
