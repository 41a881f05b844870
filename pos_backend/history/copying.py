"""The one transaction in which a history is written: what is locked, and how rows get in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from django.db import OperationalError, connection
from psycopg2 import sql
from psycopg2.errorcodes import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE

from apps.core.locking import require_transaction
from pos_backend.history.columns import COLUMNS, TABLES
from pos_backend.history.errors import CannotBeMade

# Setting keys aside locks the tables they point at as well.
LOCKED = (
    "users_user",
    "products_category",
    *TABLES,
    "products_stocklevel",
    "inventory_stockalert",
    "sales_receiptcounter",
    "core_latebooking",
)
READ_AT_ONCE = 1 << 20
# Keys of rows written earlier in this transaction are checked now: a table with checks to come cannot be altered.
BEGIN = """
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL jit = off;
    SET CONSTRAINTS ALL IMMEDIATE
"""


LOCK = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
BUSY = (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED)
IN_USE = "Somebody is using this shop. Stop the server and the worker, then try again."


def begin() -> None:
    """Nobody else may read or write until the end. Raises `CannotBeMade` when somebody does."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(BEGIN)
        try:
            cursor.execute(LOCK.format(sql.SQL(", ").join(map(sql.Identifier, LOCKED))))
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", "") not in BUSY:
                raise
            raise CannotBeMade(IN_USE) from None


def copy(pages: Iterator[dict[str, bytes]]) -> None:
    """Copies each page while the next one is being written."""
    with ThreadPoolExecutor(1) as writer, connection.cursor() as cursor:
        coming = writer.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = writer.submit(next, pages, None)
            for table, rows in page.items():
                cursor.copy_expert(
                    _copy_into(table).as_string(cursor.connection), BytesIO(rows), READ_AT_ONCE
                )


def _copy_into(table: str) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
