"""`manage.py sweep_idempotency_keys`: run once a day by the shop's scheduler."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.core.idempotency import sweep_keys


class Command(BaseCommand):
    help = "Deletes idempotency keys older than IDEMPOTENCY_KEEP_HOURS (24 at least)."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweep_keys()} idempotency keys deleted.")
