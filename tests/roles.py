"""The shop's own database role, as `manage.py database_roles` makes it, for tests to run under."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.backends.signals import connection_created

# Roles belong to the server, not to a database of it: names that no other run has.
APP, REPORT = "pos_test_app", "pos_test_report"
OWNER = "NONE"


def make_roles() -> None:
    call_command("database_roles", app=APP, report=REPORT, stdout=StringIO())


@contextmanager
def made_roles() -> Iterator[None]:
    """For a whole run: other connections see them, and they are gone afterwards."""
    make_roles()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for role in (APP, REPORT):
                cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """This connection, and those that are made meanwhile, may do what the role may."""

    def become(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        (before,) = cursor.fetchone()
    connection_created.connect(become)
    try:
        become(connection)
        yield
    finally:
        connection_created.disconnect(become)
        if connection.connection and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {before}")
