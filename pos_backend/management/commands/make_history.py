"""`manage.py make_history --sales N --days D`: something long to measure reports on."""

from argparse import ArgumentTypeError
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone
from tqdm import tqdm

from pos_backend.history.errors import CannotBeMade
from pos_backend.history.make import Wish, make_history


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no number of at least 1.")
    return int(text)


class Command(BaseCommand):
    help = (
        "Makes up the past of a shop that has not sold anything yet: sales, payments, refunds, deliveries, up to "
        "now. Where there are no products, it makes those up, too. All of it or nothing; check_ledger agrees with it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sales", type=_positive, required=True, metavar="N")
        parser.add_argument(
            "--days", type=_positive, required=True, metavar="D", help="how many, today included"
        )
        parser.add_argument("--seed", type=int, default=1, help="another number gives another history")
        parser.add_argument(
            "--products",
            type=_positive,
            metavar="N",
            help="in an empty catalogue, how many to make up (5000); at most 5000 of them sell",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wish = Wish(
            options["sales"], options["days"], options["seed"], timezone.now(), products=options["products"]
        )
        try:
            with (
                tqdm(total=wish.sales, desc="Selling", unit=" sales", disable=None) as bar,
                transaction.atomic(),
            ):
                make_history(wish, partial(_show, bar))
        except CannotBeMade as error:
            raise CommandError(str(error)) from None
        _tidy()
        self.stdout.write(f"history: {wish.sales:,} sales on {wish.days:,} days")


def _show(bar: "tqdm[Any]", served: int) -> None:
    bar.update(served)
    if bar.n == bar.total:
        bar.set_description("Making indexes")


def _tidy() -> None:
    """What autovacuum would do soon, and then in the middle of a measurement."""
    if connection.in_atomic_block:  # a test's
        return
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("RESET statement_timeout")
