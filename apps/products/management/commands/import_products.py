"""`manage.py import_products FILE.csv`: the catalogue from a spreadsheet."""

from pathlib import Path
from typing import Any

import psycopg2
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction

from apps.core import clock
from apps.products.catalogue_file import CatalogueError, read_catalogue
from apps.products.importing import Outcome, import_catalogue

SHOWN_ROWS = 1_000
# Somebody made the same product, or keeps one locked, while the import was running.
CONTENTION = (
    psycopg2.errors.UniqueViolation,
    psycopg2.errors.LockNotAvailable,
    psycopg2.errors.DeadlockDetected,
)


class Command(BaseCommand):
    help = (
        "Creates and updates products from a CSV file (UTF-8, .csv or .csv.gz), all of them or none. The first line "
        "names the columns: sku, name and price, and as wanted barcode, category, cost_price, tax, stock, "
        "low_stock_threshold. Products are found by their SKU. What is missing or empty stays as it is; the stock "
        "of a product that exists is never touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = _import(options["file"])
        except CatalogueError as error:
            self._show(error.rows)
            raise CommandError(str(error)) from None
        self.stdout.write(str(outcome))

    def _show(self, rows: Any) -> None:
        for row in rows[:SHOWN_ROWS]:
            self.stderr.write(row)
        if len(rows) > SHOWN_ROWS:
            self.stderr.write(f"... and {len(rows) - SHOWN_ROWS:,} more")


def _import(path: Path) -> Outcome:
    # Read before the transaction opens: nothing is held while a large file is being checked.
    catalogue = read_catalogue(path)
    try:
        with transaction.atomic():
            return import_catalogue(catalogue, user_id=None, now=clock.now())
    except DatabaseError as error:
        if not isinstance(error.__cause__, CONTENTION):
            raise
        raise CatalogueError(
            "Somebody changed the same products meanwhile. Nothing was imported; try again."
        ) from None
