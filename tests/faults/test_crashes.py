"""Our own side dies under load: workers (F1), the database (F2); the controls show that a loss is seen (F3)."""

import random
import time

import pytest

from tests.concurrency.racing import wait_until
from tests.faults.harness import Database, Shop, Tills, a_database, a_shop, compared, selling, watched
from tests.faults.harness.pair import a_pair
from tests.faults.harness.shop import WORKERS
from tests.faults.harness.tills import INITIATE
from tests.figures import form, show

KILLS = form(10, 200)
ACKNOWLEDGED = form(100, 10_000)
# Whose first half was cut off is resumed 45 s later, which is too long for every run.
BY_PHONE = form(0.0, 0.05)
RESTARTS = form(2, 20)
PATIENCE = 60.0
BY_MPESA = "SELECT count(*) FROM payments_payment WHERE method = 'mpesa'"
# Commits are acknowledged long before they are written.
FORGETFUL = {
    "synchronous_commit": "off",
    "wal_writer_delay": "10s",
    "wal_writer_flush_after": "1GB",
    "wal_buffers": "64MB",
}


@pytest.mark.long_form
def test_killed_web_workers_lose_nothing() -> None:
    choice, replaced = random.Random("kills"), list[float]()
    with a_database() as database, a_shop(database) as shop:
        shop.simulator.set_mode("mpesa", "success")
        shop.payments_worker()
        with watched(database) as watcher, selling(shop, by_phone=BY_PHONE) as tills:
            while len(replaced) < KILLS or tills.acknowledged < ACKNOWLEDGED:
                time.sleep(0.5)
                replaced.append(_kill_and_wait(shop, choice))
        figures = compared(tills, database)
        figures.assert_nothing_lost()
        paid, unknown = _paid_by_phone(shop, tills, database)
        shop.assert_books_agree()
    assert figures.statuses[0], "no kill hit a request"
    show(
        "F1",
        "web workers killed with SIGKILL under 32 tills",
        f"{len(replaced):,} kills, {figures.acknowledged:,} sales acknowledged, "
        f"{paid:,} paid by phone, {unknown:,} cut off before the customer was asked, "
        f"{figures.statuses[0]:,} requests cut off",
        f"{figures.told()}; books agree in all of {watcher.snapshots:,} snapshots; "
        f"replaced after {max(replaced):.1f} s at most",
    )


def _paid_by_phone(shop: Shop, tills: Tills, database: Database) -> tuple[int, int]:
    """How many customers were asked, who have all paid, each once; and how many payments nobody can tell of.

    Killed between noting that it will ask and asking, a worker leaves a payment of which M-Pesa knows no name: it stays
    open, holds its amount and is not sent again, until a person says what became of it.
    """
    pushed = shop.simulator.world.state.phone_payments
    wait_until(lambda: database.ask(f"{BY_MPESA} AND status = 'success'") == len(pushed), PATIENCE)
    asked = [request for request in tills.requests if request.path == INITIATE]
    assert all(request.acknowledged for request in asked), tills.answers()
    assert database.ask(BY_MPESA) == len(asked)
    assert database.ask(BY_MPESA.replace("*", "DISTINCT sale_id")) == len(asked)
    unknown = database.ask(f"{BY_MPESA} AND status = 'pending' AND gateway_id = '' AND sent_at IS NOT NULL")
    assert unknown == len(asked) - len(pushed)
    return len(pushed), unknown


def _kill_and_wait(shop: Shop, choice: random.Random) -> float:
    """Seconds until as many serve as before. They are copies of a process that has loaded everything."""
    killed, began = shop.kill_a_worker(choice), time.monotonic()

    def replaced() -> bool:
        present = [worker.pid for worker in shop.web_workers()]
        return len(present) == WORKERS and killed not in present

    wait_until(replaced, PATIENCE)
    return time.monotonic() - began


@pytest.mark.long_form
def test_a_database_that_is_cut_off_loses_nothing() -> None:
    served = list[float]()
    with a_database() as database, a_shop(database) as shop:
        with watched(database) as watcher, selling(shop) as tills:
            for _ in range(RESTARTS):
                tills.sell(40)
                database.crash()
                database.start()
                served.append(tills.served_again())
        figures = compared(tills, database)
        figures.assert_nothing_lost()
        shop.assert_books_agree()
    assert figures.statuses[503] + figures.statuses[0], "nobody noticed"
    show(
        "F2",
        "PostgreSQL stopped (`immediate`) and started under 32 tills",
        f"{RESTARTS:,} restarts, {figures.acknowledged:,} sales acknowledged",
        f"{figures.told()}; books agree in all of {watcher.snapshots:,} snapshots; sells again "
        f"{max(served):.1f} s at most after PostgreSQL accepts connections, the application not restarted",
    )


def test_control_a_database_that_does_not_wait_for_its_disk_is_seen_to_lose() -> None:
    with a_database(**FORGETFUL) as database, a_shop(database) as shop:
        with selling(shop) as tills:
            tills.sell(40)
            database.crash()
            database.start()
            tills.served_again()
        figures = compared(tills, database)
    assert figures.lost
    assert not figures.doubled
    show(
        "F3",
        "control: `synchronous_commit=off`, one immediate stop",
        f"{figures.acknowledged:,} sales acknowledged",
        f"{len(figures.lost):,} seen to be lost",
    )


def test_control_an_asynchronous_standby_is_seen_to_lose() -> None:
    with a_pair(synchronous=False) as pair, a_shop(pair) as shop:
        with selling(shop) as tills:
            tills.sell(20)
            pair.cut_off()
            tills.sell(20)
            pair.fail_over()
            tills.served_again()
        figures = compared(tills, pair)
    assert figures.lost
    assert not figures.doubled
    show(
        "F3",
        "control: an asynchronous standby that is behind is promoted",
        f"{figures.acknowledged:,} sales acknowledged",
        f"{len(figures.lost):,} seen to be lost",
    )


@pytest.mark.parametrize("keyed", [True, False])
def test_answers_that_are_lost_on_the_way_double_nothing(keyed: bool) -> None:
    """The control sends no keys."""
    with a_database() as database, a_shop(database) as shop:
        with selling(shop, deaf=0.3, keyed=keyed) as tills:
            tills.sell(40)
        figures = compared(tills, database)
        if keyed:
            figures.assert_nothing_lost()
            assert figures.statuses[0]
    assert bool(figures.doubled) is not keyed
    show(
        "F1" if keyed else "F3",
        "three of ten answers lost on the way" if keyed else "control: the same without Idempotency-Key",
        f"{figures.acknowledged:,} sales acknowledged",
        f"{len(figures.lost)} lost, {len(figures.doubled)} doubled",
    )


def test_control_lies_are_seen() -> None:
    """What the comparison and the watcher look for, planted."""
    with a_database() as database, a_shop(database) as shop:
        with selling(shop, count=4) as tills:
            tills.sell(10)
        compared(tills, database).assert_nothing_lost()
        with pytest.raises(AssertionError, match="stock"):
            _watch_a_lie(database, "UPDATE products_stocklevel SET quantity = quantity + 1")
        _lie(database, "UPDATE sales_sale SET notes = 'nobody' WHERE receipt = 2")
        _lie(database, "UPDATE sales_sale SET receipt = 1000 WHERE receipt = 3")
        figures = compared(tills, database)
        assert shop.manage("check_ledger").returncode == 1
    assert (len(figures.lost), figures.foreign, len(figures.changed)) == (1, ["nobody"], 1)
    assert figures.gaps == 1000 - figures.acknowledged
    with pytest.raises(AssertionError):
        figures.assert_nothing_lost()


def _watch_a_lie(database: Database, statement: str) -> None:
    with watched(database) as watcher:
        _lie(database, statement)
        wait_until(lambda: bool(watcher.breaches), PATIENCE)


def _lie(database: Database, statement: str) -> None:
    """Past every trigger."""
    database.rows(f"SET session_replication_role = replica; {statement}")
