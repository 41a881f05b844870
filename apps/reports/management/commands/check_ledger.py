"""`manage.py check_ledger`: whether stock, sales, payments and receipts tell one story."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Model

from apps.inventory.models import Movement
from apps.payments.models import Payment
from apps.reports.selectors.ledger import RULES, Rule, breaches, one_moment
from apps.sales.models import Sale, SaleItem

SHOWN = 20
DISAGREE = 1
COUNTED: dict[str, type[Model]] = {
    "movements": Movement,
    "sales": Sale,
    "lines": SaleItem,
    "payments": Payment,
}


class Command(BaseCommand):
    help = (
        "Proves the books: that every stock is the sum of an unbroken chain of movements, every sale the sum of its "
        "lines, what is paid the settled payments less what went back, that receipts have no gaps, and more. Prints "
        "what disagrees and changes nothing; it may run beside the tills. Ends with 0 when all agrees, 1 when "
        "something does not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help=f"print every disagreement, not only {SHOWN} of each kind"
        )

    def handle(self, *args: Any, all: bool, **options: Any) -> None:
        shown = None if all else SHOWN
        with one_moment():
            broken = {rule.name: found for rule in RULES if (found := self._prove(rule, shown))}
            if not broken:
                self.stdout.write(f"The books agree: {_extent()}.")
                return
        rows = sum(broken.values())
        self.stdout.write(
            f"The books do not agree: {rows:,} {'row breaks' if rows == 1 else 'rows break'} "
            f"{len(broken)} of {len(RULES)} rules."
        )
        sys.exit(DISAGREE)

    def _prove(self, rule: Rule, shown: int | None) -> int:
        """How many rows break the rule; the first ones are told."""
        began, found = time.monotonic(), 0
        for found, row in enumerate(breaches(rule), 1):
            if found == 1:
                self.stdout.write(f"{rule.name[0].upper()}{rule.name[1:]}? No:")
            if shown is None or found <= shown:
                self.stdout.write(f"  {rule.told(row)}")
        if shown is not None and found > shown:
            self.stdout.write(f"  ... and {found - shown:,} more (--all prints them)")
        seconds = time.monotonic() - began
        self.stderr.write(f"{'ok' if not found else f'{found:,} wrong':>12} {seconds:7.1f} s  {rule.name}")
        return found


def _extent() -> str:
    return ", ".join(f"{table._default_manager.count():,} {name}" for name, table in COUNTED.items())
