"""Tables, goods and people of the naive shop: `python -m benchmarks.naive.opening PRODUCTS CASHIERS`.

Prints the cashiers' tokens as JSON. The products have the ids 1, 2, 3 ... in the order of their numbers.
"""

import json
import sys

import django
from django.core.management import call_command
from django.db import connection

from benchmarks.goods import BATCH, SHELVES, TAXES, ean13, name_of, price_of

STOCK = 1_000_000


def main(products: int, cashiers: int) -> None:
    django.setup()
    # Models can be imported only now.
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    # An app without migrations is made before all others, and its sales belong to Django's users.
    for with_ours in (False, True):
        call_command("migrate", run_syncdb=with_ours, verbosity=0, interactive=False)
    _stock(products)
    people = User.objects.bulk_create([User(username=f"cashier{number}") for number in range(cashiers)])
    tokens = [Token.objects.create(user=person).key for person in people]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    print(json.dumps(tokens))


def _stock(count: int) -> None:
    from benchmarks.naive.models import Category, Product

    shelves = Category.objects.bulk_create([Category(name=f"Shelf {number}") for number in range(SHELVES)])
    products = [
        Product(
            name=name_of(number),
            barcode=ean13(number),
            category=shelves[number % SHELVES],
            price=price_of(number),
            tax_rate=TAXES[number % len(TAXES)],
            stock=STOCK,
        )
        for number in range(count)
    ]
    Product.objects.bulk_create(products, batch_size=BATCH)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
