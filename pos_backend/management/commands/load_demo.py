"""`manage.py load_demo`: something to look at in a fresh shop."""

from typing import Any

from decouple import config
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from pos_backend.demo.shop import PEOPLE, is_in_use, open_demo_shop

PASSWORDS = {name: f"DEMO_{name.upper()}_PASSWORD" for name in PEOPLE}


class Command(BaseCommand):
    help = (
        "Fills an empty database with two users, 200 products and a week of sales; does nothing in any other. "
        f"The users' passwords are taken from {' and '.join(PASSWORDS.values())}."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if is_in_use():
            return
        open_demo_shop(_passwords(), timezone.now())
        self.stdout.write("demo: created")


def _passwords() -> dict[str, str]:
    found = {name: str(config(variable, default="")) for name, variable in PASSWORDS.items()}
    if missing := [PASSWORDS[name] for name, password in found.items() if not password]:
        raise CommandError(
            f"Set {' and '.join(missing)} to the passwords with which the demo's users sign in."
        )
    return found
