"""What the shop's role cannot do, whatever bug or injection speaks for it (S21)."""

# ruff: noqa: S608 - names of our own tables

import json
from io import StringIO
from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import CASCADE
from rest_framework.test import APIClient

from apps.products.models import Product
from apps.reports.selectors.ledger import RULES, breaches, one_moment
from pos_backend.roles import HIDDEN_COLUMNS, HIDDEN_FROM_REPORTS, LEDGERS, SPECIAL, unknown_tables
from tests.contract.routes import all_routes
from tests.contract.world import BODYLESS, Shop
from tests.figures import show
from tests.roles import APP, REPORT, acting_as, make_roles

DENIED, STAYS = "42501", "23514"


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


SWITCHED_OFF = "SET LOCAL pgtrigger.ignore = '{{{triggers}}}'; UPDATE sales_sale SET status = 'pending'"


def test_the_triggers_cannot_be_told_to_look_away(roles: None, books: None) -> None:
    """What has ended stays so, though the shop may write the column: `pgtrigger.ignore` is for the owner alone."""
    names = ", ".join(trigger.get_pgid(model) for model, trigger in pgtrigger.registered())
    attack = SWITCHED_OFF.format(triggers=names)
    with acting_as(APP):
        assert told("UPDATE sales_sale SET status = 'pending'") == STAYS
        assert told(attack) == STAYS
    # Past the trigger, to the constraint behind it.
    assert told(attack + ", receipt = NULL, completed_at = NULL, amount_paid = 0") == ""
    make_roles()
    with acting_as(APP):
        assert told(attack) == STAYS
    show("S21", "triggers switched off by a setting of the session", "2 attacks", "they stay on")


def test_the_shops_role_is_enough_for_all_that_the_api_does(roles: None) -> None:
    shop = Shop()
    wrong, tried = [], 0
    with acting_as(APP):
        for route in all_routes():
            # Messages of gateways are kept even where none is set up; the stories of payments bring them as this role.
            for method in () if route.is_webhook else route.methods:
                empty = method not in ("POST", "PUT", "PATCH") or route.name in BODYLESS
                body = b"" if empty else json.dumps(shop.body(route))
                wrong += shop.send("admin", method, shop.path(route), body)
                tried += 1
    assert wrong == []
    assert tried > 70


def test_a_product_that_never_moved_can_be_removed(roles: None, shelf: Any, as_admin: APIClient) -> None:
    salt = shelf("Salt", stock=0)
    with acting_as(APP):
        assert as_admin.delete(f"/api/products/{salt.pk}/").status_code == 204
    assert not Product.objects.filter(pk=salt.pk).exists()


def test_nothing_goes_along_with_what_is_removed_that_the_shop_may_not_remove() -> None:
    """Django deletes by a statement of its own what `CASCADE` names, whether there is any or not.

    What is itself kept, as counts are, never takes anything along.
    """
    kept = {*LEDGERS, *(table for table, rights in SPECIAL.items() if "DELETE" not in rights)}
    cascading = [
        str(field)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table in kept
        for field in model._meta.concrete_fields
        if getattr(field.remote_field, "on_delete", None) is CASCADE
        and field.related_model._meta.db_table not in kept
    ]
    assert cascading == []


@pytest.mark.parametrize("power", ["SUPERUSER", "IN ROLE {owner}"])
def test_a_role_above_the_ledgers_is_refused(db: None, power: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (owner,) = cursor.fetchone()
        cursor.execute(f"CREATE ROLE pos_test_strong LOGIN {power.format(owner=owner)}")
    with pytest.raises(CommandError, match="nothing can be kept from it"):
        call_command("database_roles", app="pos_test_strong", report=REPORT)


def test_an_owner_without_createrole_grants_to_roles_that_were_made_before(roles: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {REPORT} RESET default_transaction_read_only")
        cursor.execute("CREATE ROLE pos_test_owner")
        cursor.execute(
            "SELECT format('ALTER %s %I OWNER TO pos_test_owner', kind, name) FROM ("
            " SELECT 'TABLE' AS kind, tablename AS name FROM pg_tables WHERE schemaname = 'public'"
            " UNION ALL SELECT 'FUNCTION', proname FROM pg_proc JOIN pg_namespace AS place ON place.oid = pronamespace"
            " WHERE nspname = 'public' AND proname = '_pgtrigger_should_ignore'"
            " UNION ALL SELECT 'SEQUENCE', relname FROM pg_class WHERE relkind = 'S' AND NOT EXISTS ("
            " SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i'))) AS ours"
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        cursor.execute("ALTER SCHEMA public OWNER TO pos_test_owner")
        cursor.execute(f"REVOKE ALL ON sales_sale FROM {APP}")
    told_to_the_administrator = StringIO()
    with acting_as("pos_test_owner"):
        call_command(
            "database_roles", app=APP, report=REPORT, stdout=StringIO(), stderr=told_to_the_administrator
        )
    assert "an administrator runs: ALTER ROLE" in told_to_the_administrator.getvalue()
    with acting_as(APP):
        assert told("SELECT 1 FROM sales_sale") == ""
        assert told("DELETE FROM sales_sale") == DENIED


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
