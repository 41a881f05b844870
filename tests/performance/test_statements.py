"""What the hot requests ask of the database: how many statements, and none that reads a large table whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.products.models import Product
from tests.performance.hot import MPESA, Shop, beyond, open_shop
from tests.performance.plans import LARGE, asked, whole_reads

pytestmark = pytest.mark.django_db
SALES, PAYMENTS = "sales/sales/", "payments/payments/"
PRODUCTS, MOVEMENTS = "products/", "inventory/movements/"


@dataclass(frozen=True)
class Hot:
    """A request, with how many statements it is answered, and which large tables may be read whole for it."""

    name: str
    statements: int
    ask: Callable[[Shop], HttpResponse]
    whole: set[str] = field(default_factory=set)


HOT = [
    Hot("scan", 2, lambda shop: shop.get(f"{PRODUCTS}barcode/{shop.product.barcode}/")),
    Hot("scan of nothing", 2, lambda shop: shop.get(f"{PRODUCTS}barcode/4006381333931/")),
    Hot("cart of 1", 12, lambda shop: shop.sell(1)),
    Hot("cart of 5", 12, lambda shop: shop.sell(5)),
    Hot("cart of 20", 12, lambda shop: shop.sell(20)),
    # Reading these short rows in one go is less than finding 200 of them one by one.
    Hot("cart of 200", 12, lambda shop: shop.sell(200), whole={"products_stocklevel"}),
    Hot("one sale", 4, lambda shop: shop.get(f"{SALES}{shop.sale.pk}/")),
    Hot("own sales", 4, lambda shop: shop.get(SALES)),
    Hot("own sales, deep", 4, lambda shop: shop.get(SALES, cursor=beyond(shop.sale.pk))),
    Hot("sales", 4, lambda shop: shop.managed(SALES)),
    Hot("sales, deep", 4, lambda shop: shop.managed(SALES, cursor=beyond(shop.sale.pk))),
    Hot("sales, 10 a page", 4, lambda shop: shop.managed(SALES, page_size=10)),
    Hot("sales of a day", 4, lambda shop: shop.managed(SALES, start_date=shop.day, end_date=shop.day)),
    Hot("refunded sales", 4, lambda shop: shop.managed(SALES, payment_status="refunded")),
    Hot("sale by number", 4, lambda shop: shop.managed(SALES, search=shop.sale.sale_number)),
    Hot("sale by phone", 4, lambda shop: shop.managed(SALES, search=shop.sale.customer_phone)),
    Hot("sale by receipt", 4, lambda shop: shop.managed(SALES, search=shop.sale.receipt)),
    Hot("one product", 2, lambda shop: shop.get(f"{PRODUCTS}{shop.product.pk}/")),
    # Its `count` is of all products.
    # Counting stops at 10,000, in whatever order the rows lie.
    Hot("products", 4, lambda shop: shop.get(PRODUCTS), whole={"products_product"}),
    Hot("search by words", 3, lambda shop: shop.get(PRODUCTS, search=shop.product.name)),
    Hot("search by a word's beginning", 3, lambda shop: shop.get(PRODUCTS, search=shop.product.name[:4])),
    Hot("a category", 4, lambda shop: shop.get(PRODUCTS, category=shop.product.category_id)),
    Hot(
        "products by price", 4, lambda shop: shop.get(PRODUCTS, ordering="price"), whole={"products_product"}
    ),
    Hot("search for what is not there", 2, lambda shop: shop.get(PRODUCTS, search="qqq")),
    Hot("search by barcode", 3, lambda shop: shop.get(PRODUCTS, search=str(shop.product.barcode)[:11])),
    Hot("search by SKU", 3, lambda shop: shop.get(PRODUCTS, search=shop.product.sku)),
    Hot("movements", 2, lambda shop: shop.managed(MOVEMENTS)),
    Hot("movements of days", 2, lambda shop: shop.managed(MOVEMENTS, end_date=shop.day)),
    Hot("what was damaged", 2, lambda shop: shop.managed(MOVEMENTS, movement_type="damage")),
    Hot("movements, deep", 2, lambda shop: shop.managed(MOVEMENTS, cursor=beyond(9_000))),
    Hot("a product's movements", 2, lambda shop: shop.managed(MOVEMENTS, product=shop.product.pk)),
    Hot("payments", 2, lambda shop: shop.managed(PAYMENTS)),
    Hot("payments of days", 2, lambda shop: shop.managed(PAYMENTS, end_date=shop.day)),
    Hot("payments by bank", 2, lambda shop: shop.managed(PAYMENTS, method="bank")),
    Hot("payments, deep", 2, lambda shop: shop.managed(PAYMENTS, cursor=beyond(shop.payment.pk))),
    Hot("a sale's payments", 2, lambda shop: shop.get(PAYMENTS, sale=shop.sale.pk)),
    Hot("open payments", 2, lambda shop: shop.get(f"{PAYMENTS}pending/")),
    Hot("messages, deep", 2, lambda shop: shop.managed("payments/callbacks/", cursor=beyond(2_000))),
    Hot("message from M-Pesa, and what it asks for", 7, lambda shop: shop.hear_from_mpesa()),
    # What runs low is counted in these short rows.
    Hot("dashboard", 12, lambda shop: shop.get("reports/dashboard/"), whole={"products_stocklevel"}),
]


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[Shop]:
    """Made once and taken back after all tests; each leaves it as it found it."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr("django.conf.settings.GATEWAYS", MPESA)
        yield open_shop()
        transaction.set_rollback(True)


def statements_of(hot: Hot, shop: Shop) -> list[str]:
    clock.now()  # once an hour it asks the database
    with CaptureQueriesContext(connection) as captured:
        answer = hot.ask(shop)
    assert answer.status_code in (200, 201, 404), answer.content
    return asked(captured)


@pytest.mark.parametrize("hot", HOT, ids=lambda hot: hot.name)
def test_hot_requests(shop: Shop, hot: Hot) -> None:
    statements = statements_of(hot, shop)
    assert len(statements) == hot.statements, "\n".join(statements)
    read = {statement: whole_reads(statement) - hot.whole for statement in statements}
    assert not any(read.values()), {statement: tables for statement, tables in read.items() if tables}


@pytest.mark.parametrize(("column", "read"), [("barcode_key", set()), ("description", {"products_product"})])
def test_a_whole_read_is_seen(shop: Shop, column: str, read: set[str]) -> None:
    """The control: only one of the two columns has an index."""
    with CaptureQueriesContext(connection) as captured:
        list(Product.objects.filter(**{column: "x"}).order_by())
    (statement,) = asked(captured)
    assert whole_reads(statement) == read


def test_a_part_of_a_plan_is_seen(shop: Shop) -> None:
    """Also where the table is joined, or read for something that is written."""
    joined = (
        "SELECT count(*) FROM sales_sale JOIN sales_saleitem ON sale_id = sales_sale.id WHERE notes = 'x'"
    )
    written = "UPDATE sales_sale SET notes = '' WHERE payment_method = 'x'"
    assert (whole_reads(joined), whole_reads(written)) == ({"sales_sale"}, {"sales_sale"})


def test_large_tables_are_there(db: None) -> None:
    """One that was renamed would never be found in a plan."""
    assert set(connection.introspection.table_names()) >= LARGE
