"""What the history sells: the shop's own catalogue, or a made-up one where there is none."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from apps.products import barcodes
from apps.products.models import Category
from apps.products.models import Product as CatalogueProduct
from pos_backend.history.baskets import AVERAGE_QUANTITY, AVERAGE_SIZE, popularity
from pos_backend.history.errors import CannotBeMade
from pos_backend.history.goods import SHELVES, Good
from pos_backend.history.ids import Ids
from pos_backend.history.people import Staff
from pos_backend.history.rows import Pages, text
from pos_backend.history.shelves import Product, is_weighed

# However long the catalogue is, so many of its products sell.
SELLING = 5_000
LOW_SHARE = 0.02
OPENING = (2, 12)  # times the threshold
FIELDS = (
    "pk", "name", "barcode", "sku", "category__name", "price", "cost_price", "tax", "low_stock_threshold",
    "stock_level__quantity",
)  # fmt: skip


def put_up_shelves(since: datetime) -> dict[str, int]:
    """Ids of the categories of a made-up catalogue, by name."""
    shelves = {shelf.name: Category.objects.get_or_create(name=shelf.name)[0].pk for shelf in SHELVES}
    Category.objects.filter(pk__in=shelves.values()).update(created_at=since)
    return shelves


def made_up(
    stocked: Iterable[Good],
    shelves: dict[str, int],
    pages: Pages,
    ids: Ids,
    staff: Staff,
    since: datetime,
    random: Random,
) -> Iterator[None]:
    """Writes products with their opening stock; lets the caller look after each."""
    for number, good in enumerate(stocked, 1):
        _write(good, number, shelves[good.shelf], pages, ids, since)
        _open(good, ids.product - 1, pages, ids, staff, since, random)
        yield


def _write(good: Good, number: int, shelf: int, pages: Pages, ids: Ids, since: datetime) -> None:
    barcode = ean13(number)
    pages.write(
        "products_product",
        id=ids.product,
        name=good.name,
        category_id=shelf,
        barcode=barcode,
        barcode_key=barcodes.lookup_key(barcode),
        sku=f"SKU-{number:06d}",
        price=good.price,
        cost_price=good.cost,
        tax=good.tax,
        low_stock_threshold=good.threshold,
        created_at=since,
        updated_at=since,
    )
    ids.product += 1


def _open(
    good: Good, product: int, pages: Pages, ids: Ids, staff: Staff, since: datetime, random: Random
) -> None:
    low = random.random() < LOW_SHARE
    times = random.randint(*OPENING)
    stock = Decimal(random.randint(0, int(good.threshold))) if low else good.threshold * times
    if not stock:
        return
    pages.write(
        "inventory_movement",
        id=ids.movement,
        product_id=product,
        movement_type="adjustment",
        quantity=stock,
        stock_before=0,
        stock_after=stock,
        reference_number="",
        notes="Opening stock",
        created_by_id=staff.manager,
        created_at=since,
    )
    ids.movement += 1


def ean13(number: int) -> str:
    """The EAN-13 of a Kenyan producer (616) with this number."""
    digits = f"616{number:09d}"
    weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def assortment(sales: int, days: int, random: Random) -> list[Product]:
    """The products that sell, the most popular first. Raises `CannotBeMade` where nothing can be sold."""
    there = list(
        CatalogueProduct.objects.filter(is_active=True, price__gte=1)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if not there:
        raise CannotBeMade("No active product has a price of 1.00 or more.")
    ranked = random.sample(there, min(SELLING, len(there)))
    rows = {found["pk"]: found for found in CatalogueProduct.objects.filter(pk__in=ranked).values(*FIELDS)}
    sold_daily = sales / days * AVERAGE_SIZE * AVERAGE_QUANTITY
    return [
        _product(rows[pk], Decimal(f"{share * sold_daily:.3f}"))
        for pk, share in zip(ranked, popularity(len(ranked)), strict=True)
    ]


def _product(found: dict[str, Any], daily: Decimal) -> Product:
    texts = (found["name"], found["barcode"], found["sku"], found["category__name"] or "")
    return Product(
        pk=found["pk"],
        texts="\t".join([str(found["pk"]), *map(text, texts)]),
        price=found["price"],
        cost=found["cost_price"],
        tax=found["tax"],
        threshold=found["low_stock_threshold"],
        stock=found["stock_level__quantity"],
        weighed=is_weighed(found["name"]),
        daily=daily,
    )
