"""`manage.py rollup`: sums of closed days and longer spans, and whether they agree with the ledgers."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from apps.core import clock
from apps.reports.models import RolledSpan, Span
from apps.reports.services import Difference, differences, forget_everything, missing_days, roll_up

SHOWN = 20
DISAGREE = 1


class Command(BaseCommand):
    help = (
        "Adds up every closed day, and the months and other spans made of them, so that reports need not read the "
        "ledgers. The worker does it every night and reports on first need; nothing is wrong without it. With "
        "--verify all sums are worked out from the ledgers again and compared: it ends with 1 when one differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--verify", action="store_true", help="compare with the ledgers and change nothing")
        way.add_argument("--rebuild", action="store_true", help="forget all sums and work them out again")

    def handle(self, *args: Any, verify: bool, rebuild: bool, **options: Any) -> None:
        if verify:
            self._verify()
            return
        if rebuild and not forget_everything():
            self.stderr.write("Another process is rolling up. Try again when it is done.")
            sys.exit(DISAGREE)
        now = clock.now()
        missing = len(missing_days(now))
        with tqdm(total=missing, desc="Rolling up", unit=" days", disable=None) as bar:
            done = roll_up(now, bar.update)
        self.stdout.write(f"{done:,} days rolled up; {self._known()}.")
        if done < missing:
            self.stdout.write("Another process is rolling up as well. Run it again to be sure.")

    def _verify(self) -> None:
        days = RolledSpan.objects.filter(span=Span.DAY).count()
        found = 0
        with tqdm(total=days, desc="Verifying", unit=" days", disable=None) as bar:
            for difference in differences(bar.update):
                found += 1
                if found <= SHOWN:
                    self.stdout.write(_told(difference))
        if found:
            self.stdout.write(
                f"{found:,} sums disagree with the ledgers. Run check_ledger; if that finds nothing, run "
                "rollup --rebuild."
            )
            sys.exit(DISAGREE)
        self.stdout.write(f"All sums agree with the ledgers: {self._known()}.")

    def _known(self) -> str:
        spans = RolledSpan.objects
        days = spans.filter(span=Span.DAY).count()
        return f"{days:,} days and {spans.exclude(span=Span.DAY).count():,} longer spans are kept"


def _told(difference: Difference) -> str:
    where = f"{difference.table} {difference.span} {difference.start} {difference.key}"
    return f"{where}: kept {difference.stored}, by the ledgers {difference.derived}"
