"""The busiest hour: few products that everybody buys, in carts of any order."""

import time
from itertools import chain
from random import Random

import pytest

from apps.sales.models import Sale
from apps.users.models import User
from tests.concurrency.racing import LONG_WAIT, deadlocks, outcome, race
from tests.concurrency.shop import basket, put_on_shelf, sell_at_last, stock_of, tills
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long_form]
TILLS = form(16, 64)
SECONDS = form(3, 60)
STOCK = 100_000


def test_carts_of_hot_goods_never_wait_in_a_circle(cashier: User) -> None:
    """The control, locks in any order, is `test_control_locks_in_any_order_end_in_a_deadlock`."""
    goods, devices = [put_on_shelf(f"Product {i}", STOCK) for i in range(20)], tills(cashier, TILLS)
    before = deadlocks()
    end = time.monotonic() + SECONDS

    def sell_until_the_end(i: int) -> list[tuple[float, int]]:
        chance, took = Random(i), []
        while time.monotonic() < end:
            began = time.monotonic()
            answers = sell_at_last(devices[i], basket(*chance.sample(goods, 5), amount_paid="600.00"))
            took.append((time.monotonic() - began, len(answers) - 1))
            assert outcome(answers[-1]) == (201, None)
        return took

    carts = list(chain.from_iterable(race(TILLS, sell_until_the_end, waits=LONG_WAIT)))
    took, busy = sorted(seconds for seconds, _ in carts), sum(times for _, times in carts)

    assert deadlocks() == before
    assert Sale.objects.filter(status="completed").count() == len(took)
    assert sum(STOCK - stock_of(product) for product in goods) == 5 * len(took)
    assert_ledgers_agree()
    rate, p99 = len(took) / SECONDS, took[len(took) * 99 // 100]
    told = f"0 deadlocks, {busy} told to come back; {rate:.0f} a second, p99 {p99:.2f} s"
    extent = f"{TILLS} tills, {len(took):,} carts in {SECONDS} s, tills and shop in one process"
    show("C3", "random carts of 5 out of 20 hot products", extent, told)
