"""`manage.py expire_sales`: run every few minutes by the shop's scheduler."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.sales.services import expire_sales


class Command(BaseCommand):
    help = "Cancels pending sales that nobody paid within SALE_EXPIRY_MINUTES and puts their stock back."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{expire_sales()} sales expired.")
