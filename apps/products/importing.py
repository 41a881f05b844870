"""A catalogue file into the catalogue: all of it or nothing, in few statements however many rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from tqdm import tqdm

from apps.core import money, ports
from apps.core.locking import require_transaction
from apps.products.catalogue_file import Catalogue, CatalogueError, CatalogueRow, quoted
from apps.products.models import Category, Product

BATCH = 2_000
ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtext('import_products'))"

# Foreign keys are checked batch by batch: all of them at the commit would take longer than one statement may.
CHECK_AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"

# A product that would stay the same is neither locked nor written: its indexes and its `updated_at` are left alone.
# `held` knows the thresholds that are really replaced: it locks the rows, so nobody changes them in between.
SAVE = """
    WITH given AS (
        SELECT * FROM unnest(
            %(sku)s::text[], %(name)s::text[], %(price)s::numeric[], %(barcode)s::text[], %(barcode_key)s::text[],
            %(category_id)s::bigint[], %(cost_price)s::numeric[], %(tax)s::numeric[],
            %(low_stock_threshold)s::numeric[]
        ) AS _ (sku, name, price, barcode, barcode_key, category_id, cost_price, tax, low_stock_threshold)
    ), held AS (
        SELECT product.id, product.low_stock_threshold
          FROM products_product AS product JOIN given USING (sku)
         WHERE product.sku = ANY (%(sku)s) -- or else each batch reads half the catalogue
           AND (product.name <> given.name
                OR product.price <> given.price
                OR product.barcode IS DISTINCT FROM COALESCE(given.barcode, product.barcode)
                OR product.category_id IS DISTINCT FROM COALESCE(given.category_id, product.category_id)
                OR product.cost_price <> given.cost_price
                OR product.tax <> given.tax
                OR product.low_stock_threshold <> given.low_stock_threshold)
         ORDER BY product.id
           FOR NO KEY UPDATE OF product
    ), changed AS (
        UPDATE products_product AS product
           SET name = given.name,
               price = given.price,
               barcode = COALESCE(given.barcode, product.barcode),
               barcode_key = COALESCE(given.barcode_key, product.barcode_key),
               category_id = COALESCE(given.category_id, product.category_id),
               cost_price = COALESCE(given.cost_price, product.cost_price),
               tax = COALESCE(given.tax, product.tax),
               low_stock_threshold = COALESCE(given.low_stock_threshold, product.low_stock_threshold),
               updated_at = %(now)s
          FROM given, held
         WHERE product.id = held.id AND product.sku = given.sku
        RETURNING product.sku, NULL::bigint AS new_id,
                  CASE WHEN product.low_stock_threshold <> held.low_stock_threshold THEN product.id END AS watched
    ), created AS (
        INSERT INTO products_product (
               sku, name, price, barcode, barcode_key, category_id, cost_price, tax, low_stock_threshold,
               description, is_active, created_at, updated_at)
        SELECT sku, name, price, barcode, barcode_key, category_id,
               COALESCE(cost_price, %(default_cost)s), COALESCE(tax, %(default_tax)s),
               COALESCE(low_stock_threshold, %(default_threshold)s), '', true, %(now)s, %(now)s
          FROM given
         WHERE NOT EXISTS (SELECT FROM products_product AS product WHERE product.sku = given.sku)
        RETURNING sku, id AS new_id, NULL::bigint AS watched
    )
    SELECT sku, new_id, watched FROM changed UNION ALL SELECT sku, new_id, watched FROM created
"""
DEFAULTS = {
    "default_cost": Product._meta.get_field("cost_price").get_default(),
    "default_tax": Product._meta.get_field("tax").get_default(),
    "default_threshold": Product._meta.get_field("low_stock_threshold").get_default(),
}


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


@dataclass(frozen=True)
class Occasion:
    """What all rows of one import have in common."""

    categories: dict[str, int]
    user_id: int | None
    now: datetime


def import_catalogue(catalogue: Catalogue, *, user_id: int | None, now: datetime) -> Outcome:
    """Creates the products whose SKU is new, with their opening stock; updates the others, but never their stock.

    Call inside a transaction. Raises `CatalogueError` when a row is bad, when a barcode belongs to another
    product, and while another import runs.
    """
    require_transaction()
    _claim()
    mistakes = catalogue.mistakes | _taken_barcodes(catalogue.rows)
    if mistakes:
        raise CatalogueError(
            _refusal(mistakes), [f"line {line}: {mistakes[line]}" for line in sorted(mistakes)]
        )
    occasion = Occasion(_categories(catalogue.rows), user_id, now)
    outcome, watched = Outcome(), set[int]()
    with tqdm(total=len(catalogue.rows), desc="Writing", unit=" rows", disable=None) as bar:
        for batch in _batches(catalogue.rows):
            saved, other_thresholds = _save(batch, occasion)
            outcome += saved
            watched |= other_thresholds
            bar.update(len(batch))
    # All stock after all products: batch by batch a delivery of the same goods could wait in a circle.
    if watched:
        ports.watch_stock()(watched, now=now)
    return outcome


def _claim() -> None:
    """Two imports at once would wait for each other's rows in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(ONE_AT_A_TIME)
        if not cursor.fetchone()[0]:
            raise CatalogueError(
                "Another import is running. Nothing was imported; try again when it is done."
            )
        cursor.execute(CHECK_AT_ONCE)


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
                    f"barcode {quoted(row.barcode or '')}: The product {quoted(owner)} has it already."
                )
    return taken


def _categories(rows: Sequence[CatalogueRow]) -> dict[str, int]:
    """The id of every category by its name; those that are missing are made."""
    names = {row.category: None for row in rows if row.category}
    found = dict(Category.objects.filter(name__in=names).values_list("name", "pk"))
    missing = [Category(name=name) for name in names if name not in found]
    return found | {category.name: category.pk for category in Category.objects.bulk_create(missing)}


def _batches(rows: Sequence[CatalogueRow]) -> Iterator[Sequence[CatalogueRow]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _save(batch: Sequence[CatalogueRow], occasion: Occasion) -> tuple[Outcome, set[int]]:
    """What became of the batch, and the products whose threshold is another now. A trigger adds the stock rows.

    Plain SQL, because model objects would cost a third of the whole import.
    """
    with connection.cursor() as cursor:
        cursor.execute(SAVE, {**_given(batch, occasion), **DEFAULTS})
        rows = cursor.fetchall()
    written: dict[str, int | None] = {sku: new_id for sku, new_id, _ in rows}
    opening = {
        new_id: row.stock or money.ZERO for row in batch if (new_id := written.get(row.sku)) is not None
    }
    ports.open_stock()(opening, user_id=occasion.user_id, now=occasion.now)
    outcome = Outcome(len(opening), len(written) - len(opening), len(batch) - len(written))
    return outcome, {watched for _, _, watched in rows if watched is not None}


def _given(rows: Sequence[CatalogueRow], occasion: Occasion) -> dict[str, Any]:
    """The columns of `given`."""
    plain = ("sku", "name", "price", "barcode", "barcode_key", "cost_price", "tax", "low_stock_threshold")
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in plain}
    columns["category_id"] = [occasion.categories[row.category] if row.category else None for row in rows]
    return {**columns, "now": occasion.now}
