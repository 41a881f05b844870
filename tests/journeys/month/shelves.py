"""The goods on the shelves at the beginning of the month: a file that the shop imports."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command

from tests.journeys.month.goods import Good
from tests.journeys.month.records import Article
from tests.journeys.month.shop import Shop
from tests.journeys.month.visits import Visit

Stocked = Sequence[tuple[Good, Decimal]]


def fill_shelves(shop: Shop, goods: Iterable[Good], planned: Sequence[Visit]) -> dict[str, int]:
    """As much of everything as will be sold, and what is to be left; what sells best comes first.

    The ids of the categories by name.
    """
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for item in (item for visit in planned for item in visit.items):
        sold[item.sku] += item.quantity
    ranked = sorted(goods, key=lambda good: -sold[good.sku])
    stocked = [(good, sold[good.sku] + _left(number, good)) for number, good in enumerate(ranked)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "goods.csv"
        _write(path, stocked)
        call_command("import_products", str(path), stdout=StringIO())
    return _enter(shop, stocked)


def _enter(shop: Shop, stocked: Stocked) -> dict[str, int]:
    """The shop says how it calls products and categories, and nothing else."""
    rows = {row["sku"]: row for row in shop.wire.pages("amina", "products/")}
    for good, stock in sorted(stocked, key=lambda pair: rows[pair[0].sku]["id"]):
        shop.books.articles[good.sku] = _article(good, rows[good.sku]["id"])
        if stock:
            shop.books.record(good.sku, "adjustment", stock, None, shop.clock.now)
    return {good.category: rows[good.sku]["category"] for good, _ in stocked}


def _left(number: int, good: Good) -> Decimal:
    """Only a third of the goods that would run low do: the report shows fifty at most."""
    return good.left if good.left > good.threshold or number % 3 == 0 else 3 * good.threshold


def _article(good: Good, id: int) -> Article:
    return Article(
        id,
        good.sku,
        good.barcode,
        good.name,
        good.category,
        good.price,
        good.cost,
        good.rate,
        good.threshold,
    )


def _write(path: Path, stocked: Stocked) -> None:
    """As a file that the shop imports."""
    columns = ("sku", "barcode", "name", "category", "price", "cost_price", "tax", "low_stock_threshold")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*columns, "stock"))
        for good, stock in stocked:
            about = (good.sku, good.barcode, good.name, good.category)
            writer.writerow((*about, good.price, good.cost, good.rate, good.threshold, stock))
