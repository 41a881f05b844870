"""`manage.py payments_worker`: asks the gateways, applies their messages, sends refunds, expires sales."""

import signal
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from apps.payments.worker import Worker


class Command(BaseCommand):
    help = (
        "Finds out what became of payments and refunds that are under way, applies messages of the gateways that "
        "could not be applied at once, and cancels sales that nobody paid in time. Any number may run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, and end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        with suppress(DatabaseError):  # one that is away is waited for
            self.check(databases=[DEFAULT_DB_ALIAS])
        worker = Worker()
        if once:
            worker.run_once()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        worker.run()
