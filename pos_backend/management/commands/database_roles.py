"""`manage.py database_roles`: the two roles that use the database without owning it."""

from typing import Any

import psycopg2
from decouple import config
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from pos_backend.roles import LEDGERS, grant, read_only


class Command(BaseCommand):
    help = (
        "Makes the role that the shop runs as, which can add to the ledgers but neither alter nor empty them, and "
        "the role that reports read with, and gives both what they need. Run it as the owner of the database (the "
        "role that migrates), again after every migrate. Passwords are taken from DB_APP_PASSWORD and "
        "DB_REPORT_PASSWORD; without, an existing role keeps its own and a new one has none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--app", default="pos_app", help="the shop's role")
        parser.add_argument("--report", default="pos_report", help="the role that only reads")

    def handle(self, *args: Any, app: str, report: str, **options: Any) -> None:
        passwords = {
            app: str(config("DB_APP_PASSWORD", default="")),
            report: str(config("DB_REPORT_PASSWORD", default="")),
        }
        if app == report:
            raise CommandError(
                "The shop and the reports need a role each. Give --app and --report two names."
            )
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                owner = _current_user(cursor)
                if owner in passwords:
                    raise CommandError(
                        f"{owner} owns the tables, so nothing can be kept from it. "
                        "Choose another name for the role that the shop runs as."
                    )
                for role, password in passwords.items():
                    _make(cursor, role, password)
                    _refuse_power(cursor, role, owner)
                grant(cursor.cursor, app=app, report=report)
            self._let_it_only_read(report)
        except (DatabaseError, psycopg2.Error) as error:
            first_line = str(error).strip().splitlines()[0]
            raise CommandError(
                f"The database refused: {first_line}. Run this as the owner of the tables; to make roles it needs "
                "CREATEROLE, or an administrator makes them before."
            ) from None
        self.stdout.write(
            f"{app} adds to {len(LEDGERS)} ledgers and cannot alter, delete or empty them; {report} only reads.\n"
            f"Let DATABASE_URL name {app} wherever the shop runs, and {owner} only for `manage.py migrate` and this."
        )

    def _let_it_only_read(self, report: str) -> None:
        """A setting of the role, which an owner without CREATEROLE may not make; the grants are enough without it."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                read_only(cursor.cursor, report)
        except (DatabaseError, psycopg2.Error):
            self.stderr.write(
                f"{report} was granted nothing but reading. To have its sessions say so at once, "
                f'an administrator runs: ALTER ROLE "{report}" SET default_transaction_read_only = on;'
            )


def _refuse_power(cursor: Any, role: str, owner: str) -> None:
    cursor.execute(
        "SELECT rolsuper OR pg_has_role(rolname, %s, 'MEMBER') FROM pg_roles WHERE rolname = %s",
        [owner, role],
    )
    if cursor.fetchone()[0]:
        raise CommandError(
            f"{role} is a superuser or a member of {owner}, so nothing can be kept from it. Choose another name."
        )


def _current_user(cursor: Any) -> str:
    cursor.execute("SELECT current_user")
    return str(cursor.fetchone()[0])


def _make(cursor: Any, role: str, password: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    name = sql.Identifier(role)
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    if password:
        # Hashed here, so that no log of the server's statements has it in clear.
        hashed = encrypt_password(password, role, scope=connection.connection, algorithm="scram-sha-256")
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(hashed)))
