"""What a history is made from, what it leaves alone, and who gets none."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.db.models import F, GeneratedField, Sum

from apps.core import money
from apps.inventory.models import Movement
from apps.payments.models import Payment
from apps.products.models import Product
from apps.sales.models import Sale, SaleItem
from apps.users.models import User
from conftest import make_user
from pos_backend.history.columns import COLUMNS
from pos_backend.history.copying import IN_USE
from pos_backend.history.errors import CannotBeMade
from pos_backend.history.make import Wish, make_history
from tests.concurrency.racing import another_connection
from tests.ledger import assert_ledgers_agree

UNTIL = datetime(2026, 3, 25, 11, 30, tzinfo=UTC)
KEYS = """
    SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
     UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'
"""


def keys() -> list[str]:
    """As they are defined; PostgreSQL spells the types of a list differently when it has read its own words."""
    with connection.cursor() as cursor:
        cursor.execute(KEYS)
        return sorted(
            re.sub(r"[()]|::character varying|::text(\[\])?", "", key) for (key,) in cursor.fetchall()
        )


def make(sales: int = 20, days: int = 2, **fields: Any) -> None:
    make_history(Wish(**{"sales": sales, "days": days, "seed": 1, "until": UNTIL, **fields}), lambda _: None)


def told(fields: str, table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {fields} FROM {table} ORDER BY id")  # noqa: S608
        return list(cursor.fetchall())


def story(seed: int) -> dict[str, list[tuple[Any, ...]]]:
    """What happened, without the ids; and nothing is left of it."""
    with transaction.atomic():
        make(300, 20, seed=seed, products=150)
        assert_ledgers_agree()
        happened = {
            "sales": told("created_at, completed_at, total, discount, payment_method, status", "sales_sale"),
            "lines": told("product_name, cost_price, quantity, total", "sales_saleitem"),
            "payments": told("method, amount, initiated_at, transaction_reference", "payments_payment"),
            "refunds": told("amount, completed_at, refund_reference", "payments_refund"),
            "movements": told("quantity, stock_after, unit_cost, created_at", "inventory_movement"),
        }
        transaction.set_rollback(True)
    return happened


@pytest.mark.django_db
def test_the_same_seed_gives_the_same_history() -> None:
    first = story(1)
    assert story(1) == first
    assert {name for name, rows in story(2).items() if rows == first[name]} <= {"refunds"}
    assert len(first["sales"]) == 300


@pytest.mark.django_db
def test_keys_and_indexes_are_as_before() -> None:
    before = keys()
    make(products=20)
    assert keys() == before


@pytest.mark.django_db
@pytest.mark.parametrize("included", [True, False])
def test_prices_with_and_without_tax(settings: Any, included: bool) -> None:
    settings.PRICES_INCLUDE_TAX = included
    make(200, 3, products=60)
    assert_ledgers_agree()
    for line in SaleItem.objects.filter(tax_rate="16.00", discount=0)[:50]:
        worth = line.unit_price * line.quantity
        assert abs((line.total if included else line.subtotal) - worth) <= Decimal("0.005")
        assert line.tax_amount > 0
    sums = Payment.objects.filter(method="mpesa", status="success").aggregate(cents=Sum(F("amount") % 1))
    assert sums["cents"] == 0


@pytest.mark.django_db
def test_the_shops_own_catalogue_is_what_is_sold(
    shelf: Callable[..., Product], cashier: User, admin: User
) -> None:
    User.objects.filter(pk=admin.pk).update(first_name='Am"ina\\', last_name="Ådmin")
    strange = 'Tea \\N\t"1\\2" \n café, kg'
    shelf(strange, "180.00", stock=3, cost_price=Decimal("120.00"), barcode="5901234123457")
    for number in range(10):
        shelf(f"Product {number}", "116.00", cost_price=Decimal("70.00"), stock=number)
    shelf("Not sold any more", is_active=False)
    shelf("A carrier bag", "0.00")
    make(300, 3)
    assert_ledgers_agree()
    sold = SaleItem.objects.order_by("product").values_list("product_name", flat=True).distinct()
    assert set(sold) == {strange, *(f"Product {number}" for number in range(10))}
    weighed = SaleItem.objects.filter(product_name=strange)
    assert any(line.quantity % 1 for line in weighed)
    assert {line.product_barcode for line in weighed} == {"5901234123457"}
    assert Sale.objects.filter(cashier=cashier).exists()
    by_hand = Payment.objects.filter(method="bank", status="success").first()
    assert by_hand is not None
    assert by_hand.metadata == {"confirmed_by_hand": 'Am"ina\\ Ådmin'}
    assert set(Movement.objects.filter(movement_type="purchase").values_list("created_by", flat=True)) == {
        admin.pk
    }
    assert User.objects.filter(role="cashier").count() == 6
    for product in Product.objects.filter(is_active=True, price__gt=0):
        assert product.cost_price == cost_by_the_ledger(
            product, Decimal(120 if product.name == strange else 70)
        )


def cost_by_the_ledger(product: Product, cost: Decimal) -> Decimal:
    """The weighted average, worked out again; on the way, what each sale must have taken for the cost."""
    costs = {}
    for movement in Movement.objects.filter(product=product).order_by("id"):
        if movement.unit_cost is not None:
            value = movement.stock_before * cost + movement.quantity * movement.unit_cost
            cost = money.round_money(value / movement.stock_after)
        elif movement.movement_type == "sale":
            costs[int(str(movement.cause).removeprefix("sale:"))] = cost
    assert costs == dict(SaleItem.objects.filter(product=product).values_list("sale", "cost_price"))
    return cost


def test_all_columns_are_filled() -> None:
    """One that is added needs a line here, too."""
    tables = {model._meta.db_table: model for model in apps.get_models()}
    for table, columns in COLUMNS.items():
        fields = [f for f in tables[table]._meta.concrete_fields if not isinstance(f, GeneratedField)]
        assert list(columns) == [field.column for field in fields]


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _database(self, db: None) -> None:
        pass

    def refused(self, **fields: Any) -> str:
        with pytest.raises(CannotBeMade) as caught, transaction.atomic():
            make(**fields)
        assert not SaleItem.objects.exists()
        return str(caught.value)

    def test_a_shop_with_sales(self, cashier: User) -> None:
        sums = dict.fromkeys(("subtotal", "tax_amount", "discount", "total"), 0)
        Sale.objects.create(
            cashier=cashier, business_date=UNTIL.date(), created_at=UNTIL, updated_at=UNTIL, **sums
        )
        assert self.refused() == "This shop has sales already: a made-up past would lie between its receipts."
        assert (Sale.objects.count(), Product.objects.count(), User.objects.count()) == (1, 0, 1)

    def test_products_beside_products(self, shelf: Callable[..., Product]) -> None:
        shelf()
        assert self.refused(products=5) == (
            "This shop has products already, and they are what is sold. Leave out --products."
        )

    def test_nothing_to_sell(self, shelf: Callable[..., Product]) -> None:
        shelf("A carrier bag", "0.50")
        assert self.refused() == "No active product has a price of 1.00 or more."

    def test_too_many_products(self) -> None:
        assert self.refused(products=1_000_001) == "At most 1,000,000 products can be made up."

    def test_too_many_days(self) -> None:
        assert self.refused(days=36_526) == "At most 36,525 days can be made up."

    def test_before_the_shop_has_opened(self) -> None:
        early = UNTIL.replace(hour=5, minute=2)
        assert (
            self.refused(days=1, until=early)
            == "The shop opens at 8 and has not been open yet: ask for more days."
        )
        make(days=1, until=early + timedelta(minutes=2), products=5)
        assert Sale.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_beside_a_till_at_work() -> None:
    with another_connection() as till:
        with till.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE sales_sale IN ROW EXCLUSIVE MODE")
        with pytest.raises(CommandError) as caught:
            call_command("make_history", sales=5, days=2)
        assert str(caught.value) == IN_USE
    assert not User.objects.exists()


@pytest.mark.django_db
class TestCommand:
    def test_says_what_it_made(self) -> None:
        out = StringIO()
        call_command("make_history", sales=1200, days=3, products=40, stdout=out)
        assert out.getvalue() == "history: 1,200 sales on 3 days\n"
        assert Sale.objects.count() == 1200
        assert_ledgers_agree()

    @pytest.mark.parametrize("number", ["0", "-5", "many", "1.5"])
    def test_numbers_make_sense(self, number: str) -> None:
        with pytest.raises(CommandError, match="is no number of at least 1"):
            call_command("make_history", f"--sales={number}", "--days=3")

    def test_refusals_are_sentences(self) -> None:
        make_user("otieno")
        call_command("make_history", sales=5, days=2, products=5, stdout=StringIO())
        with pytest.raises(CommandError, match="This shop has sales already"):
            call_command("make_history", sales=5, days=2)
