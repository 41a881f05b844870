"""What the shop's role cannot do, whatever bug or injection speaks for it (S21)."""

# ruff: noqa: S608 - names of our own tables

from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from apps.reports.selectors.ledger import RULES, breaches, one_moment
from pos_backend.roles import HIDDEN_COLUMNS, HIDDEN_FROM_REPORTS, LEDGERS, unknown_tables
from tests.figures import show
from tests.roles import APP, REPORT, acting_as, make_roles

DENIED = "42501"


@pytest.fixture
def roles(db: None) -> None:
    """Made in the transaction of the test, with which they go."""
    make_roles()


@pytest.fixture
def books(shelf: Any, as_cashier: APIClient) -> None:
    """A row in the ledgers, so that there is something to alter."""
    milk = shelf("Milk", stock=5)
    body = {"items": [{"product": milk.pk, "quantity": 1}], "amount_paid": "200.00", "payment_method": "cash"}
    sold = as_cashier.post("/api/sales/sales/", body, headers={"Idempotency-Key": "roles-1"})
    assert sold.status_code == 201, sold.content


def told(statement: str) -> str:
    """The error code that the database answers; empty when it obeyed. Nothing of it stays."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            raise InterruptedError
    except InterruptedError:
        return ""
    except DatabaseError as error:
        return str(getattr(error.__cause__, "pgcode", ""))


def columns(table: str, also_generated: bool = True) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND (%s OR is_generated = 'NEVER')",
            [table, also_generated],
        )
        return {name for (name,) in cursor.fetchall()}


def test_every_ledger_is_still_a_table() -> None:
    assert unknown_tables() == set()


def test_the_ledgers_can_be_neither_altered_nor_emptied(roles: None, books: None) -> None:
    tried = 0
    fixed = {table: columns(table, also_generated=False) - set(course) for table, course in LEDGERS.items()}
    with acting_as(APP):
        for table in LEDGERS:
            attacks = [
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE",
                f"DROP TABLE {table} CASCADE",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                f"ALTER TABLE {table} DISABLE TRIGGER USER",
                f"ALTER TABLE {table} OWNER TO {APP}",
                f"CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                f"CREATE RULE mine AS ON INSERT TO {table} DO INSTEAD NOTHING",
                f"SET pgtrigger.ignore = 'inventory.Movement:append_only'; DELETE FROM {table}",
                *(f"UPDATE {table} SET {column} = {column}" for column in sorted(fixed[table])),
            ]
            for attack in attacks:
                assert told(attack) == DENIED, attack
            tried += len(attacks)
        for attack in (
            "SET session_replication_role = replica",
            "CREATE TABLE public.shadow (id int)",
            "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL'",
            f"ALTER ROLE {REPORT} SUPERUSER",
            "COPY sales_sale TO PROGRAM 'cat'",
            "COPY sales_sale TO '/tmp/stolen'",
            "DELETE FROM users_user",
            "DELETE FROM django_migrations",
            "UPDATE django_migrations SET name = name",
        ):
            assert told(attack) == DENIED, attack
            tried += 1
    show(
        "S21", "the shop's database role attacks the ledgers", f"{tried} statements", "all: permission denied"
    )


def test_control_the_owner_can(roles: None, books: None) -> None:
    """The same words from the role that owns the tables: it is the grants that refuse them above."""
    assert told("DELETE FROM sales_saleitem") == ""
    assert told("UPDATE sales_sale SET subtotal = subtotal") == ""
    assert told("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE sales_saleitem") == ""


def test_reports_read_and_nothing_else(roles: None, books: None) -> None:
    names = sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True))
    tables = {name: columns(name) - HIDDEN_COLUMNS.get(name, frozenset()) for name in names}
    with acting_as(REPORT):
        for table, shown in tables.items():
            hidden, read = table in HIDDEN_FROM_REPORTS, ", ".join(sorted(shown))
            assert told(f"SELECT {read} FROM {table} LIMIT 1") == (DENIED if hidden else ""), table
            for attack in (
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"INSERT INTO {table} DEFAULT VALUES",
            ):
                assert told(attack) == DENIED, attack
        assert told("SELECT password FROM users_user") == DENIED
        assert told("SELECT * FROM users_user") == DENIED


def test_the_role_that_reads_can_prove_the_books(roles: None, books: None) -> None:
    """The books can be proved by a role that only reads, but for what was hidden from it."""
    hidden = [rule.name for rule in RULES if any(table in rule.query for table in HIDDEN_FROM_REPORTS)]
    with acting_as(REPORT), one_moment():
        for rule in RULES:
            if rule.name not in hidden:
                assert list(breaches(rule)) == []


def test_made_again_they_stay_as_they_are(roles: None, books: None) -> None:
    call_command("database_roles", app=APP, report=REPORT, verbosity=0)
    with acting_as(APP):
        assert told("DELETE FROM sales_sale") == DENIED
        assert told("SELECT 1 FROM sales_sale FOR UPDATE") == ""


def test_a_table_made_later_is_granted_by_the_next_run(roles: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later_table (id int)")
    with acting_as(APP):
        assert told("SELECT * FROM later_table") == DENIED
    make_roles()
    with acting_as(APP):
        assert told("INSERT INTO later_table VALUES (1)") == ""


def test_the_owner_is_no_role_to_run_the_shop_as(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (owner,) = cursor.fetchone()
    with pytest.raises(CommandError, match="owns the tables"):
        call_command("database_roles", app=owner)
    with pytest.raises(CommandError, match="two names"):
        call_command("database_roles", app="same", report="same")


def test_without_the_right_to_make_roles_it_says_what_to_do(roles: None) -> None:
    with acting_as(APP), pytest.raises(CommandError, match="owner of the tables"):
        call_command("database_roles", app="pos_test_other", report="pos_test_another")


def test_passwords_are_given_as_hashes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_APP_PASSWORD", "canary-in-the-log")
    make_roles()
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [APP])
        (kept,) = cursor.fetchone()
    assert kept.startswith("SCRAM-SHA-256$")
