"""A catalogue file into the catalogue: all of it or nothing, in few statements however many rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection
from tqdm import tqdm

from apps.core import money, ports
from apps.core.locking import require_transaction
from apps.products.catalogue_file import Catalogue, CatalogueError, CatalogueRow, quoted
from apps.products.models import Category, Product

BATCH = 2_000
ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtext('import_products'))"

# A row that would stay the same is not written: its indexes and `updated_at` are left alone.
UPDATE_CHANGED = """
    UPDATE products_product AS product
       SET name = given.name,
           price = given.price,
           barcode = COALESCE(given.barcode, product.barcode),
           barcode_key = COALESCE(given.barcode_key, product.barcode_key),
           category_id = COALESCE(given.category_id, product.category_id),
           cost_price = COALESCE(given.cost_price, product.cost_price),
           tax = COALESCE(given.tax, product.tax),
           low_stock_threshold = COALESCE(given.low_stock_threshold, product.low_stock_threshold),
           updated_at = %s
      FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::text[], %s::text[], %s::bigint[],
                  %s::numeric[], %s::numeric[], %s::numeric[])
           AS given (sku, name, price, barcode, barcode_key, category_id, cost_price, tax, low_stock_threshold)
     WHERE product.sku = given.sku
       AND (product.name <> given.name
            OR product.price <> given.price
            OR product.barcode IS DISTINCT FROM COALESCE(given.barcode, product.barcode)
            OR product.category_id IS DISTINCT FROM COALESCE(given.category_id, product.category_id)
            OR product.cost_price <> given.cost_price
            OR product.tax <> given.tax
            OR product.low_stock_threshold <> given.low_stock_threshold)
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """How many products of the file were new, changed, and the same already."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)

    def __str__(self) -> str:
        rows = self.new + self.changed + self.unchanged
        return f"{rows:,} rows: {self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged."


def import_catalogue(catalogue: Catalogue, *, user_id: int | None, now: datetime) -> Outcome:
    """Creates the products whose SKU is new, with their opening stock, and updates the others, never their stock.

    Call inside a transaction. Raises `CatalogueError` when a row is bad, when a barcode belongs to another product,
    and while another import runs.
    """
    require_transaction()
    _claim()
    mistakes = catalogue.mistakes | _taken_barcodes(catalogue.rows)
    if mistakes:
        raise CatalogueError(
            _refusal(mistakes), [f"line {line}: {mistakes[line]}" for line in sorted(mistakes)]
        )
    categories = _categories(catalogue.rows)
    outcome = Outcome()
    with tqdm(total=len(catalogue.rows), desc="Writing", unit=" rows", disable=None) as bar:
        for batch in _batches(catalogue.rows):
            outcome += _save(batch, categories, user_id, now)
            bar.update(len(batch))
    return outcome


def _claim() -> None:
    """Two imports would wait for each other's rows in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(ONE_AT_A_TIME)
        if not cursor.fetchone()[0]:
            raise CatalogueError(
                "Another import is running. Nothing was imported; try again when it is done."
            )


def _refusal(mistakes: dict[int, str]) -> str:
    rows = "1 row is bad" if len(mistakes) == 1 else f"{len(mistakes):,} rows are bad"
    return f"{rows}, so nothing was imported."


def _taken_barcodes(rows: Sequence[CatalogueRow]) -> dict[int, str]:
    """The rows whose barcode another product has; a product of the same SKU is the row's own."""
    taken = {}
    for batch in _batches(rows):
        keys = [row.barcode_key for row in batch if row.barcode_key]
        owners = dict(Product.objects.filter(barcode_key__in=keys).values_list("barcode_key", "sku"))
        for row in batch:
            if (owner := owners.get(row.barcode_key, row.sku)) != row.sku:
                taken[row.line] = (
                    f"barcode {quoted(row.barcode or '')}: The product with SKU {owner} has it already."
                )
    return taken


def _categories(rows: Sequence[CatalogueRow]) -> dict[str, int]:
    """The id of every category by its name; those that are missing are made."""
    names = {row.category: None for row in rows if row.category}
    found = dict(Category.objects.filter(name__in=names).values_list("name", "pk"))
    missing = [Category(name=name) for name in names if name not in found]
    return found | {category.name: category.pk for category in Category.objects.bulk_create(missing)}


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _save(
    batch: Sequence[CatalogueRow], categories: dict[str, int], user_id: int | None, now: datetime
) -> Outcome:
    known = set(Product.objects.filter(sku__in=[row.sku for row in batch]).values_list("sku", flat=True))
    new = [row for row in batch if row.sku not in known]
    _create(new, categories, user_id, now)
    changed = _update([row for row in batch if row.sku in known], categories, now)
    return Outcome(len(new), changed, len(known) - changed)


def _create(
    rows: Sequence[CatalogueRow], categories: dict[str, int], user_id: int | None, now: datetime
) -> None:
    products = Product.objects.bulk_create([_product(row, categories) for row in rows])
    stocks = {product.pk: row.stock or money.ZERO for product, row in zip(products, rows, strict=True)}
    ports.open_stock()(stocks, user_id=user_id, now=now)


def _product(row: CatalogueRow, categories: dict[str, int]) -> Product:
    optional: dict[str, Any] = {
        "cost_price": row.cost_price,
        "tax": row.tax,
        "low_stock_threshold": row.low_stock_threshold,
    }
    return Product(
        sku=row.sku,
        name=row.name,
        price=row.price,
        barcode=row.barcode,
        barcode_key=row.barcode_key,
        category_id=categories[row.category] if row.category else None,
        **{name: value for name, value in optional.items() if value is not None},
    )


def _update(rows: Sequence[CatalogueRow], categories: dict[str, int], now: datetime) -> int:
    """How many rows really changed."""
    if not rows:
        return 0
    columns = zip(*(_given(row, categories) for row in rows), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_CHANGED, [now, *(list(column) for column in columns)])
        return int(cursor.rowcount)


def _given(row: CatalogueRow, categories: dict[str, int]) -> tuple[Any, ...]:
    """In the order of `UPDATE_CHANGED`."""
    return (
        row.sku,
        row.name,
        row.price,
        row.barcode,
        row.barcode_key,
        categories[row.category] if row.category else None,
        row.cost_price,
        row.tax,
        row.low_stock_threshold,
    )
