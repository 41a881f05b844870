"""`manage.py sweep_sign_ins`: run once a day by the shop's scheduler."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.users.services import sweep_sign_ins


class Command(BaseCommand):
    help = "Deletes expired tokens and forgotten sign-in counters."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweep_sign_ins()} rows deleted.")
