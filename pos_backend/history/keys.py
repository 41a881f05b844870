"""Foreign keys and indexes of empty tables, set aside while millions of rows are copied and put back behind them.

Checking and sorting everything at once takes a fraction of the time. All of it happens inside the one transaction:
whoever looks at the tables from outside never sees them without.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# Primary keys stay: other tables' keys point at them, and rows come in their order.
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE conrelid = ANY (%s::regclass[]) AND contype IN ('f', 'u')
     ORDER BY contype DESC, conrelid, conname
"""
INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
      FROM pg_index
     WHERE indrelid = ANY (%s::regclass[]) AND NOT indisprimary
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
     ORDER BY indrelid, indexrelid
"""
MEMORY = "SET LOCAL maintenance_work_mem = '128MB'"


@contextmanager
def set_aside(tables: list[str]) -> Iterator[None]:
    """Call inside a transaction, with the tables locked against everybody. Their owner may do this."""
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS, [tables])
        constraints = cursor.fetchall()
        cursor.execute(INDEXES, [tables])
        indexes = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {connection.ops.quote_name(name)}")
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        cursor.execute(MEMORY)
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in constraints:
            cursor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {connection.ops.quote_name(name)} {definition}"
            )
