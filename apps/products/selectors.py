"""Reading the catalogue. Products travel as plain rows: the scan is the heartbeat of a shop."""

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import F, Q, QuerySet

from apps.core.prepared import AnyOf, Given, Prepared, Row
from apps.products import barcodes
from apps.products.models import PUNCTUATION, Product

FIELDS = (
    "id",
    "name",
    "category",
    "category__name",
    "barcode",
    "sku",
    "price",
    "cost_price",
    "tax",
    "stock_level__quantity",
    "low_stock_threshold",
    "description",
    "image",
    "is_active",
    "created_at",
    "updated_at",
)
SOLD_FIELDS = (
    "id",
    "name",
    "barcode",
    "barcode_key",
    "sku",
    "price",
    "cost_price",
    "tax",
    "is_active",
    "category__name",
)
_BETWEEN_WORDS = re.compile(rf"(?:{PUNCTUATION}|\s+)+")


def product_rows() -> QuerySet[Product, Row]:
    """All products as rows of `FIELDS`, one statement."""
    rows: QuerySet[Product, Row] = Product.objects.values(*FIELDS)
    return rows


def product_row(product_id: int) -> Row:
    """One product, active or not."""
    return product_rows().get(pk=product_id)


_BY_KEY = Prepared(lambda: product_rows().filter(barcode_key=Given("key"), is_active=True).order_by())
_FOR_SALE = Prepared(
    lambda: (
        Product.objects.filter(Q(AnyOf("pk", Given("ids"))) | Q(AnyOf("barcode_key", Given("keys"))))
        .values(*SOLD_FIELDS)
        .order_by()
    )
)


def active_product_by_code(code: str) -> Row | None:
    """The active product behind a scanned code in any of its GTIN forms."""
    return _BY_KEY.row(key=barcodes.lookup_key(barcodes.clean(code)))


def products_for_sale(ids: Iterable[int], keys: Iterable[str]) -> list[Row]:
    """Name, price, tax and cost of the products with these ids or barcode keys, active or not, in one statement."""
    return _FOR_SALE.rows(ids=list(ids), keys=list(keys))


def low_stock(products: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """Those at or below their threshold."""
    return products.filter(stock_level__quantity__lte=F("low_stock_threshold"))


def search(products: QuerySet[Any, Any], text: str) -> QuerySet[Any, Any]:
    """Products whose name has all the words of `text` as prefixes, or whose barcode or SKU begins with it."""
    code = text.strip()
    by_code = (
        Q(barcode__startswith=code) | Q(sku__istartswith=code) | Q(barcode_key=barcodes.lookup_key(code))
    )
    words = [word for word in _BETWEEN_WORDS.split(text) if word]
    if not words:
        return products.filter(by_code) if code else products
    query = " & ".join(f"'{word}':*" for word in words)
    return products.filter(Q(words=SearchQuery(query, config="simple", search_type="raw")) | by_code)
