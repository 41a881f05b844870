"""With a real streaming replica: reports are read there, everything else on the primary, and nothing depends on it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.reports.models import RolledSpan
from apps.reports.selectors import snapshot
from apps.reports.services import roll_up
from apps.reports.urls import urlpatterns
from apps.sales.models import Sale
from conftest import client_of, make_user
from tests.concurrency.racing import another_connection, wait_until
from tests.concurrency.shop import SALES, put_on_shelf
from tests.faults.processes import Device, House, another_server
from tests.faults.standby import LOGGED, PASSWORD, Heard, Standby, a_standby, primary
from tests.ledger import assert_ledgers_agree
from tests.replica import a_replica

ROUTES = [f"/api/{route.pattern}" for route in urlpatterns]
MONTH = "/api/reports/sales/?period=month"
A_SNAPSHOT = "REPEATABLE READ, READ ONLY"
ROLLED = "SELECT count(*) FROM reports_rolledspan"
FALLBACK = "reports are read from the primary, for the replica failed"
CONFLICT = "canceling statement due to conflict with recovery"


@pytest.fixture(scope="module")
def standby(django_db_setup: None) -> Iterator[Standby]:
    with a_standby() as standby:
        yield standby


@pytest.fixture(scope="module")
def served(built_house: House, standby: Standby, tmp_path_factory: Any) -> Iterator[House]:
    """A web server that knows the replica."""
    env = {"DATABASE_URL": built_house.env["DATABASE_URL"] + LOGGED, "DATABASE_REPLICA_URL": standby.url}
    with another_server(built_house, tmp_path_factory.mktemp("served"), env) as served:
        yield served


@dataclass
class Shop:
    """A till and an office at that server, and the office in this process, where it reads on the primary."""

    cashier: Device
    admin: Device
    office: APIClient
    milk: int

    def sell(self) -> int:
        """A sale of 116.00 in cash; its id."""
        body = {"items": [{"product": self.milk, "quantity": 1}], "amount_paid": "116.00"}
        answer = self.cashier.post(SALES, body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def month(self) -> tuple[int, str]:
        answer = self.admin.get(MONTH)
        assert answer.status_code == 200, answer.text
        return answer.json()["total_transactions"], answer.json()["total_revenue"]


@pytest.fixture
def shop(transactional_db: None, served: House) -> Iterator[Shop]:
    admin = make_user("amina", "admin")
    milk = put_on_shelf(stock=100).pk
    yield Shop(
        Device(served.address, make_user("otieno")), Device(served.address, admin), client_of(admin), milk
    )
    assert_ledgers_agree()


@pytest.fixture
def here(shop: Shop, standby: Standby) -> Iterator[Any]:
    """The replica known to this process as well, whose requests a test can look into."""
    with a_replica(HOST=str(standby.server.socket_dir)) as here:
        yield here


def test_reports_and_files_are_read_on_the_replica_and_nothing_else(shop: Shop, standby: Standby) -> None:
    books, copy = Heard(primary()), Heard(standby.server)
    shop.sell()
    assert 'INSERT INTO "sales_sale"' in books.news()
    assert shop.cashier.get("/readyz/").status_code == shop.cashier.get(SALES).status_code == 200
    roll_up(timezone.now())  # or the first report would
    standby.catch_up()
    standby.catch_up(ROLLED)
    books.news()
    assert "statement:" not in copy.news()

    for route in ROUTES:
        for export in ("", "?export=csv", "?export=xlsx"):
            answer = shop.admin.get(route + export)
            assert answer.status_code == 200, answer.text
            told, asked = books.news(), copy.news()
            assert (A_SNAPSHOT in asked, A_SNAPSHOT in told) == (True, False), route
            assert ('"users_authtoken"' in asked, '"users_authtoken"' in told) == (False, True), route
            assert "sales_saleitem" not in told, route
        assert shop.admin.get(route).json() == shop.office.get(route).json()


def test_a_replica_that_lags_shows_what_it_has(shop: Shop, standby: Standby) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    Sale.objects.filter(pk=shop.sell()).update(completed_at=yesterday)
    standby.catch_up("SELECT max(id) FROM sales_sale WHERE completed_at < now() - interval '20 hours'")
    standby.pause()
    try:
        shop.sell()
        # The first report has yesterday rolled up, which the replica does not know.
        assert shop.month() == (1, "116.00")
        assert shop.office.get(MONTH).json()["total_revenue"] == "232.00"
        assert RolledSpan.objects.exists()
        assert standby.ask(ROLLED) == 0
    finally:
        standby.resume()
    standby.catch_up()
    standby.catch_up(ROLLED)
    assert shop.month() == (2, "232.00")


def test_a_report_that_is_in_the_way_of_replication_is_read_again(
    shop: Shop, standby: Standby, here: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shop.sell()
    standby.catch_up()

    def stand_in_the_way(execute: Any, query: str, *rest: Any) -> Any:
        if "reports_rolledspan" in query:  # the other table has been read by then, and is not let go of
            Thread(target=_lock, args=["core_latebooking"]).start()
            execute("SELECT pg_sleep(10)", None, *rest[1:])
        return execute(query, *rest)

    with here.execute_wrapper(stand_in_the_way):
        answer = shop.office.get(MONTH)
    assert (answer.status_code, answer.json()["total_revenue"]) == (200, "116.00")
    assert [record.getMessage() for record in caplog.records] == [f"{FALLBACK}: {CONFLICT}"]


def test_without_the_replica_reports_come_from_the_primary_until_it_is_back(
    shop: Shop, served: House, standby: Standby, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell()
    standby.catch_up()
    assert shop.month() == (1, "116.00")
    assert _read_here(shop, here) > 2
    standby.server.stop()
    try:
        shop.sell()
        started = time.monotonic()
        assert [shop.month() for _ in range(3)] == [(2, "232.00")] * 3
        assert time.monotonic() - started < 5
        monkeypatch.setattr(snapshot, "REST_SECONDS", 0.2)
        assert _read_here(shop, here) == 0
    finally:
        standby.start()
    here.settings_dict["HOST"] = str(standby.server.socket_dir)
    wait_until(lambda: _read_here(shop, here) > 2)
    said = served.server_log.read_text()
    assert said.count(FALLBACK) == 1
    assert PASSWORD not in said


def _lock(table: str) -> None:
    """For a moment nobody may even read it, as while a migration changes it."""
    with another_connection() as other, other.cursor() as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; COMMIT")


def _read_here(shop: Shop, here: Any) -> int:
    """How many statements of a report the replica has answered to this process."""
    answered = []

    def count(execute: Any, *statement: Any) -> Any:
        result = execute(*statement)
        answered.append(statement)
        return result

    with here.execute_wrapper(count):
        assert shop.office.get(MONTH).status_code == 200
    return len(answered)
