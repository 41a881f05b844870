"""The shop that is measured: its products and people, and whether its books are right afterwards.

To be imported when Django has been set up.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from tqdm import tqdm

from apps.inventory.models import Movement
from apps.inventory.services import open_stock
from apps.products.models import Category, Product, StockLevel
from apps.products.services import set_barcode
from apps.sales.models import Sale
from apps.sales.services import Order, OrderLine, sell
from apps.users.models import User
from benchmarks.goods import BATCH, SHELVES, TAXES, Item, ean13, name_of, price_of
from benchmarks.scenarios import TENDERED, Person
from pos_backend.local.account import LauncherError

CENT = Decimal("0.01")
STOCK = Decimal(1_000_000)


@dataclass(frozen=True)
class Shop:
    items: list[Item]
    admin: Person
    cashiers: list[Person]


def open_shop(products: int, cashiers: int) -> Shop:
    """Tables, people and stocked shelves in an empty database."""
    call_command("migrate", verbosity=0, interactive=False)
    admin = _hire("admin", User.Role.ADMIN)
    people = [_hire(f"cashier{number}", User.Role.CASHIER) for number in range(1, cashiers + 1)]
    shop = Shop(stock_shelves(products), admin, people)
    with connection.cursor() as cursor:
        # What autovacuum would do soon, and then in the middle of a measurement.
        cursor.execute("VACUUM (ANALYZE)")
    connection.close()
    return shop


def sell_some(count: int, opened: Shop) -> None:
    """So many sales of 5 lines, paid in cash: a full page before the first till has sold."""
    cashier = User.objects.get(username=opened.cashiers[0].username)
    for number in range(count):
        basket = [OrderLine(Decimal(1), product_id=item.id) for item in opened.items[number % 10 :][:5]]
        order = Order(basket, amount_paid=Decimal(TENDERED))
        with transaction.atomic():
            sell(order, cashier=cashier, discount_limit=None, now=timezone.now())
    connection.close()


def _hire(username: str, role: str) -> Person:
    person = Person(username, secrets.token_urlsafe(16))
    User.objects.create_user(username, person.password, role=role)
    return person


def stock_shelves(count: int) -> list[Item]:
    """`count` products, the same in every run, each with plenty of stock."""
    shelves = Category.objects.bulk_create([Category(name=f"Shelf {number}") for number in range(SHELVES)])
    items: list[Item] = []
    with tqdm(total=count, unit=" products", desc="Stocking the shelves", leave=False) as progress:
        for start in range(0, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            items += _stock([_product(number, shelves) for number in numbers], timezone.now())
            progress.update(len(numbers))
    return items


@transaction.atomic
def _stock(products: list[Product], now: datetime) -> list[Item]:
    Product.objects.bulk_create(products)
    open_stock({product.pk: STOCK for product in products}, user_id=None, now=now)
    return [Item(product.pk, str(product.barcode)) for product in products]


def _product(number: int, shelves: list[Category]) -> Product:
    price = price_of(number)
    product = Product(
        name=name_of(number),
        category=shelves[number % len(shelves)],
        sku=f"SKU-{number:06d}",
        price=price,
        cost_price=(price * 3 / 4).quantize(CENT),
        tax=TAXES[number % len(TAXES)],
    )
    set_barcode(product, ean13(number))
    return product


def check_books(answered: int) -> None:
    """Raises `LauncherError` unless every sale that was answered is there, complete, and paid for in stock."""
    completed = Sale.objects.filter(status="completed").count()
    if completed != answered:
        raise LauncherError(f"{answered} sales were answered, {completed} are in the database.")
    moved = dict(Movement.objects.values_list("product").annotate(moved=Sum("quantity")))
    wrong = [
        product_id
        for product_id, quantity in StockLevel.objects.values_list("product_id", "quantity")
        if moved[product_id] != quantity
    ]
    connection.close()
    if wrong:
        raise LauncherError(f"The movements of {len(wrong)} products do not add up to their stock.")
