"""The database's machine is lost under load and its synchronous standby takes over (F8).

The shop knows both by one address and is not restarted. The control is in test_crashes.py: with an asynchronous
standby the same comparison sees a loss.
"""

import time

import pytest

from tests.concurrency.racing import wait_until
from tests.faults.harness import a_shop, compared, selling, watched
from tests.faults.harness.pair import a_pair
from tests.figures import form, show

FAILOVERS = form(1, 10)
SALES = form(20, 60)
PATIENCE = 60.0


@pytest.mark.long_form
def test_a_promoted_synchronous_standby_has_everything() -> None:
    gaps = list[float]()
    with a_pair(synchronous=True) as pair, a_shop(pair) as shop:
        with watched(pair) as watcher, selling(shop) as tills:
            for number in range(FAILOVERS):
                if number:
                    pair.follow()
                tills.sell(SALES)
                lost = time.monotonic()
                pair.fail_over()
                wait_until(lambda lost=lost: tills.served_after(lost) is not None, PATIENCE)
                gaps.append(tills.longest_gap(lost))
            tills.sell(SALES)
        figures = compared(tills, pair)
        figures.assert_nothing_lost()
        shop.assert_books_agree()
    show(
        "F8",
        "primary lost under 32 tills, synchronous standby promoted",
        f"{FAILOVERS:,} failovers, {figures.acknowledged:,} sales acknowledged",
        f"{figures.told()}; books agree in all of {watcher.snapshots:,} snapshots; "
        f"no sale for {max(gaps):.1f} s at most (promoted by the test at once)",
    )
