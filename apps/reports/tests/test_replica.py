"""Reports where there is a replica; that a real one follows and fails is tried in `tests/faults/test_replica.py`."""

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import (
    DEFAULT_DB_ALIAS,
    InternalError,
    OperationalError,
    connection,
    connections,
    router,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.payments.models import Payment
from apps.reports.models import RolledSpan
from apps.reports.selectors import snapshot as module
from apps.reports.selectors.snapshot import REPLICA, ReplicaFailed, alias, snapshot
from apps.reports.urls import urlpatterns
from apps.sales.models import Sale
from tests.replica import a_replica
from tests.roles import REPORT, made_roles

ROUTES = [f"/api/{route.pattern}" for route in urlpatterns]
SALES = "/api/reports/sales/"
A_SNAPSHOT = "REPEATABLE READ, READ ONLY"
FALLBACK = "reports are read from the primary, for the replica failed: "
RECOVERY = "reports are read from the replica again"
PASSWORD = "siri-ya-nakala"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def replica(transactional_db: None) -> Iterator[BaseDatabaseWrapper]:
    with a_replica() as replica:
        yield replica


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, module.__name__)
    return lambda: [record.getMessage() for record in caplog.records]


def read(client: APIClient, route: str = SALES) -> Any:
    answer = client.get(route)
    assert answer.status_code == 200, answer.content
    return answer.json()


def failing(error: Exception, at: int = 3) -> Callable[..., Any]:
    """For `execute_wrapper`: the statement with this number fails, and all that follow."""
    seen: list[str] = []

    def execute(run: Any, query: str, *rest: Any) -> Any:
        seen.append(query)
        if len(seen) >= at:
            raise error
        return run(query, *rest)

    return execute


def test_reports_are_read_on_the_replica_alone(
    as_admin: APIClient, payment: Callable[..., Any], replica: BaseDatabaseWrapper
) -> None:
    payment("116.00")
    read(as_admin)  # rolls up what is closed
    for route in ROUTES:
        with CaptureQueriesContext(connection) as asked, CaptureQueriesContext(replica) as there:
            read(as_admin, route)
        assert any(A_SNAPSHOT in query["sql"] for query in there), route
        assert len(there) > 2, route
        on_primary = " ".join(query["sql"] for query in asked)
        assert "users_authtoken" in on_primary
        for text in (A_SNAPSHOT, "sales_saleitem", '"payments_payment"'):
            assert text not in on_primary, route


def test_the_role_that_only_reads_reads_them_all(
    as_admin: APIClient, payment: Callable[..., Any], warnings: Callable[[], list[str]]
) -> None:
    payment("116.00")
    read(as_admin)  # rolls up what is closed
    with made_roles(), a_replica() as replica:

        def become(connection: BaseDatabaseWrapper, **_: Any) -> None:
            if connection is replica:
                with connection.cursor() as cursor:
                    cursor.execute(f"SET ROLE {REPORT}")

        connection_created.connect(become)
        try:
            for route in ROUTES:
                with CaptureQueriesContext(replica) as there:
                    read(as_admin, route)
                assert len(there) > 2, route
        finally:
            connection_created.disconnect(become)
    assert warnings() == []


def test_a_replica_that_fails_in_the_middle_is_not_noticed(
    as_admin: APIClient,
    payment: Callable[..., Any],
    replica: BaseDatabaseWrapper,
    warnings: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment("116.00")
    gone = OperationalError("server closed the connection unexpectedly\n\tThis probably means")
    for route in ROUTES:
        wanted = read(as_admin, route)
        for export in ("", "?export=csv", "?export=xlsx"):
            with replica.execute_wrapper(failing(gone)):
                answer = as_admin.get(route + export)
            assert (answer.status_code, export or answer.json()) == (200, export or wanted), route
            monkeypatch.setattr(module, "rest", module._Rest())
    assert warnings() == [f"{FALLBACK}server closed the connection unexpectedly"] * 3 * len(ROUTES)


def test_a_column_that_the_replica_does_not_have_yet_is_read_on_the_primary(
    as_admin: APIClient, replica: BaseDatabaseWrapper, warnings: Callable[[], list[str]]
) -> None:
    missing = ProgrammingError('column "origin" does not exist\nLINE 1: SELECT origin')
    with replica.execute_wrapper(failing(missing)):
        read(as_admin)
    assert warnings() == [f'{FALLBACK}column "origin" does not exist']


def test_a_report_that_is_too_slow_is_not_tried_again(
    as_admin: APIClient, replica: BaseDatabaseWrapper, warnings: Callable[[], list[str]]
) -> None:
    def slow(run: Any, query: str, *rest: Any) -> Any:
        if "reports_rolledspan" in query:
            query, rest = "SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)", (None, *rest[1:])
        return run(query, *rest)

    with replica.execute_wrapper(slow), CaptureQueriesContext(connection) as asked:
        answer = as_admin.get(SALES)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "busy", "1")
    assert not any(A_SNAPSHOT in query["sql"] for query in asked)
    assert not any(FALLBACK in line for line in warnings())
    with CaptureQueriesContext(replica) as there:
        read(as_admin)
    assert len(there) > 2


def test_a_replica_that_refuses_is_warned_of_once_and_used_again_later(
    as_admin: APIClient, monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], list[str]]
) -> None:
    with a_replica(HOST="127.0.0.1", PORT="1", PASSWORD=PASSWORD) as replica:
        wanted = [read(as_admin) for _ in range(3)]
        assert wanted[0] == wanted[1] == wanted[2]
        monkeypatch.setattr(module, "REST_SECONDS", 0.0)
        monkeypatch.setattr(module.rest, "_until", 1e-9)  # it has rested
        read(as_admin)
        [warning] = warnings()
        assert warning.startswith(FALLBACK)
        assert "refused" in warning
        assert PASSWORD not in warning

        replica.settings_dict.update(connection.settings_dict)
        assert read(as_admin) == wanted[0]
        assert replica.connection is not None
        assert warnings() == [warning, RECOVERY]


def test_only_one_report_waits_for_a_replica_that_does_not_answer(
    as_admin: APIClient, warnings: Callable[[], list[str]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = {"HOST": "127.0.0.1", "PORT": str(silent.getsockname()[1])}
        with a_replica(**place, OPTIONS={"connect_timeout": 2}):
            for _ in range(3):
                read(as_admin)
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(warnings()) == 1


def test_who_reads_without_reading_again_is_told(replica: BaseDatabaseWrapper) -> None:
    with pytest.raises(ReplicaFailed, match="busy"), snapshot():
        raise OperationalError("terminating connection due to conflict with recovery")
    assert alias() == DEFAULT_DB_ALIAS
    with snapshot():
        assert alias() == DEFAULT_DB_ALIAS


def test_inside_a_transaction_its_own_changes_are_seen(
    replica: BaseDatabaseWrapper, sale: dict[str, Any]
) -> None:
    with transaction.atomic():
        Sale.objects.update(notes="Changed.")
        with snapshot():
            assert (alias(), Sale.objects.get().notes) == (DEFAULT_DB_ALIAS, "Changed.")


def test_the_orm_goes_where_the_snapshot_is_and_cannot_write(
    replica: BaseDatabaseWrapper, sale: dict[str, Any]
) -> None:
    with snapshot():
        found = Sale.objects.get()
        assert alias() == found._state.db == found.cashier._state.db == REPLICA
        with pytest.raises(InternalError, match="read-only transaction"), transaction.atomic(using=REPLICA):
            Payment.objects.create(sale=found, amount="1.00", method="cash")
    found.notes = "Seen."
    found.save(update_fields=["notes"])
    assert (found._state.db, found.items.get()._state.db) == (DEFAULT_DB_ALIAS, DEFAULT_DB_ALIAS)


def test_the_replica_is_never_migrated() -> None:
    assert router.allow_migrate(DEFAULT_DB_ALIAS, "reports")
    assert not router.allow_migrate(REPLICA, "reports")
    assert REPLICA not in connections.databases
    assert router.allow_relation(Sale(), RolledSpan())
