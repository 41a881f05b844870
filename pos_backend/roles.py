"""Who may do what in the database: the owner migrates, the shop sells, the reports read.

The triggers of the ledgers stop mistakes, but whoever owns a table can switch its triggers off, and none stops a
TRUNCATE. What a role was never granted it cannot do, whatever bug or injection it runs
(docs/adr/0028-database-roles.md).
"""

from collections.abc import Iterable, Iterator, Mapping

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from apps.inventory.models import Movement, StockCount
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.sales.models import ReceiptCounter, Sale, SaleItem

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
READ, WRITE_ONCE, KEPT = ("SELECT",), ("SELECT", "INSERT"), ("SELECT", "INSERT", "UPDATE")


def _ledger(model: type[Model], course: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Its table, and the columns of the fields that may move on."""
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}
    return model._meta.db_table, tuple(columns[name] for name in course)


# Only added to, but for the course of what was written; no row ever goes.
LEDGERS = dict(
    _ledger(model, course)
    for model, course in (
        (Movement, ()),
        (SaleItem, ()),
        (LogEntry, ()),
        (Sale, Sale.COURSE),
        (Payment, Payment.COURSE),
        (Refund, Refund.COURSE),
        (GatewayCallback, GatewayCallback.COURSE),
        (ReceiptCounter, ("last", "taken_at")),
        (StockCount, ("description", "notes", "status", "completed_by", "completed_at")),
    )
)
# Rows that are changed, but never go; `migrate` alone writes what is only read.
SPECIAL: Mapping[str, tuple[str, ...]] = {
    "inventory_countline": KEPT,
    "inventory_stockalert": KEPT,
    "users_user": KEPT,
    "django_migrations": READ,
    "django_content_type": READ,
    "auth_permission": READ,
    "auth_group": READ,
    "auth_group_permissions": READ,
}
# What no report needs: passwords, sign-ins, answers kept for repeats, the words of gateways.
HIDDEN_FROM_REPORTS = frozenset(
    {
        "users_authtoken",
        "users_logincounter",
        "payments_gatewaytoken",
        "core_idempotencykey",
        "django_session",
    }
)
HIDDEN_COLUMNS: Mapping[str, frozenset[str]] = {
    "users_user": frozenset({"password"}),
    "payments_gatewaycallback": frozenset({"body", "token_hash", "phone_number"}),
}


def grant(cursor: Cursor, *, app: str, report: str) -> None:
    """Gives both roles what they need in the schema `public`, and takes everything else away from them.

    Call as the owner of the tables, in a transaction, after each `migrate`. May be repeated.
    """
    for role in (app, report):
        for statement in _BARE:
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role)))
    cursor.execute(_ONLY_THE_OWNER_IGNORES)
    cursor.execute(sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(sql.Identifier(app)))
    for table, columns in _columns(cursor).items():
        for rights in _rights_of_app(table):
            _grant(cursor, rights, table, app)
        if table not in HIDDEN_FROM_REPORTS:
            hidden = HIDDEN_COLUMNS.get(table)
            read = sql.SQL("SELECT") if not hidden else _some("SELECT", sorted(columns - hidden))
            _grant(cursor, read, table, report)


def read_only(cursor: Cursor, report: str) -> None:
    """Whatever such a session tries to write, it is told so before anything is looked at. Needs CREATEROLE."""
    cursor.execute(_READS_ONLY, [report])
    if cursor.fetchone() is None:
        statement = sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on")
        cursor.execute(statement.format(sql.Identifier(report)))


_READS_ONLY = """
    SELECT FROM pg_roles WHERE rolname = %s AND 'default_transaction_read_only=on' = ANY (rolconfig)
"""
# pgtrigger's own version lets any session switch any of its triggers off, by a setting that no grant forbids. This one
# heeds it only for the owner of the tables, as which migrations run.
_ONLY_THE_OWNER_IGNORES = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN
    LANGUAGE sql STABLE AS $$
        SELECT coalesce(
            trigger_name = ANY (nullif(current_setting('pgtrigger.ignore', true), '')::text[])
            AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'public.sales_sale'::regclass), 'MEMBER'),
            false)
    $$
"""
# No role may make objects in the schema, where they could stand in for ours.
_BARE = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
)


def unknown_tables() -> set[str]:
    """Names in the lists above that no model has, so that a renamed ledger does not lose its protection unnoticed."""
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} | {
        "django_migrations"
    }
    return {*LEDGERS, *SPECIAL, *HIDDEN_FROM_REPORTS, *HIDDEN_COLUMNS} - known


def _rights_of_app(table: str) -> Iterator[sql.Composable]:
    course = LEDGERS.get(table)
    rights = SPECIAL.get(table, EVERYTHING) if course is None else WRITE_ONCE
    yield sql.SQL(", ".join(rights))
    if course:
        yield _some("UPDATE", course)


def _some(right: str, columns: tuple[str, ...] | list[str]) -> sql.Composable:
    return sql.SQL("{} ({})").format(sql.SQL(right), sql.SQL(", ").join(map(sql.Identifier, columns)))


def _grant(cursor: Cursor, rights: sql.Composable, table: str, role: str) -> None:
    statement = sql.SQL("GRANT {} ON {} TO {}")
    cursor.execute(statement.format(rights, sql.Identifier("public", table), sql.Identifier(role)))


def _columns(cursor: Cursor) -> dict[str, set[str]]:
    """The tables that are there, with their columns."""
    cursor.execute(
        "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY table_name"
    )
    return {table: set(columns) for table, columns in cursor.fetchall()}
