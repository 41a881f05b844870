"""All products that were sold or stand on the shelf, for files: a few at a time. Call inside a snapshot."""

from collections.abc import Iterator

from apps.reports.facts import PRODUCTS
from apps.reports.selectors.sums import Cover, Row, adding_up, each_row, rows_of

SOLD = """
    SELECT sold.*, product.name, product.sku, product.barcode, coalesce(category.name, '') AS category_name
      FROM ({sold}) AS sold
      JOIN products_product AS product ON product.id = sold.product_id
      LEFT JOIN products_category AS category ON category.id = product.category_id
     ORDER BY {order}, sold.product_id
"""
SHELF = """
    SELECT product.id AS product_id, product.name, product.sku, product.barcode, product.price, product.cost_price,
           product.low_stock_threshold, coalesce(category.name, '') AS category_name, level.quantity AS stock,
           round(product.cost_price * level.quantity, 2) AS value,
           round(product.price * level.quantity, 2) AS retail
      FROM products_product AS product
      JOIN products_stocklevel AS level ON level.product_id = product.id
      LEFT JOIN products_category AS category ON category.id = product.category_id
     WHERE product.is_active ORDER BY product.name, product.id
"""


def products_sold(cover: Cover, order: str) -> Iterator[Row]:
    """The sums of each product, with its name, codes and category of today, in an order of its sums."""
    query, parameters = adding_up(PRODUCTS, cover)
    return each_row(SOLD.format(sold=query, order=order), parameters)


def products_sold_count(cover: Cover) -> int:
    """How many rows `products_sold` gives."""
    query, parameters = adding_up(PRODUCTS, cover)
    return int(rows_of(f"SELECT count(*) AS products FROM ({query}) AS sold", parameters)[0]["products"])  # noqa: S608


def product_count() -> int:
    """How many products are known, sold or not."""
    return int(rows_of("SELECT count(*) AS products FROM products_product")[0]["products"])


def shelf() -> Iterator[Row]:
    """The active products by name, with their stock and what it is worth to the cent."""
    return each_row(SHELF)


def shelf_count() -> int:
    """How many rows `shelf` gives."""
    query = "SELECT count(*) AS products FROM products_product WHERE is_active"
    return int(rows_of(query)[0]["products"])
