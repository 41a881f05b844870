"""The one place where rows are locked.

Order, everywhere: idempotency row, sale or count, payments, products, stock rows by key, receipt counter last
(docs/money-and-states.md). NO KEY UPDATE, because it does not block the foreign keys of new rows.
"""

from typing import TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def locked(rows: QuerySet[M]) -> QuerySet[M]:
    """`rows` locked in primary-key order until the transaction ends; two carts can then never wait in a circle."""
    require_transaction()
    return rows.order_by("pk").select_for_update(of=("self",), no_key=True)


def locked_shared(rows: QuerySet[M]) -> list[M]:
    """`rows` locked in primary-key order against change; many transactions may hold that together."""
    require_transaction()
    query, values = rows.order_by("pk").query.sql_with_params()
    return list(rows.model._default_manager.raw(f"{query} FOR SHARE", values))


def locked_if_free(rows: QuerySet[M]) -> QuerySet[M]:
    """`rows` without those that somebody else works on, locked in the order they come in."""
    require_transaction()
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=True)


def locked_for_removal(rows: QuerySet[M]) -> QuerySet[M]:
    """`rows` locked against everything, the foreign keys of new rows included."""
    require_transaction()
    return rows.order_by("pk").select_for_update(of=("self",))


def require_transaction() -> None:
    """Money and stock move only inside the transaction that the caller's door opened."""
    if not connection.in_atomic_block:
        raise RuntimeError("This service must run inside transaction.atomic().")
