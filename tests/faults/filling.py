"""Migrates an empty database and fills it: goods, cashiers and an administrator, all of them signed in.

Run as a program with the file that is told what is there; the database is DATABASE_URL.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from pos_backend.wsgi import application

CASHIERS = 32
PRODUCTS = 20
PLENTY, SCARCE = Decimal(1_000_000), Decimal(40)
# The last ones run out, so that tills are refused, too.
SCARCE_PRODUCTS = 2


def fill() -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        return {
            "products": [_product(number) for number in range(PRODUCTS)],
            "cashiers": [_signed_in(f"cashier{number}", "cashier") for number in range(CASHIERS)],
            "admin": _signed_in("amina", "admin"),
            "owner": _signed_in("wafula", "admin"),
        }


def _product(number: int) -> dict[str, Any]:
    from apps.products.services import create_product

    price = Decimal(10 * (number + 1))
    values = {
        "name": f"Product {number}",
        "price": price,
        "sku": f"SKU-{number}",
        "tax": Decimal("16.00"),
    }
    stock = SCARCE if number >= PRODUCTS - SCARCE_PRODUCTS else PLENTY
    product = create_product(values, stock=stock, user_id=None, now=timezone.now())
    return {"id": product.pk, "price": str(price)}


def _signed_in(username: str, role: str) -> str:
    """The new person's token."""
    from apps.users.models import AuthToken, User

    user = User(username=username, role=role)
    user.set_unusable_password()
    user.save()
    _, token = AuthToken.objects.create(user, stamp=user.credential_stamp())
    return str(token)


if __name__ == "__main__":
    assert application, "Django is set up by it"
    Path(sys.argv[1]).write_text(json.dumps(fill()))
