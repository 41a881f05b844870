"""The checkout: one basket becomes one sale, with its stock taken and its cash recorded, or nothing happens."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework.exceptions import ValidationError

from apps.core import money, ports
from apps.core.clock import local_date
from apps.core.prepared import Insertion, Row
from apps.inventory.models import Movement
from apps.inventory.services import Occasion, issue_stock
from apps.products import barcodes
from apps.products.selectors import products_for_sale
from apps.sales import totals
from apps.sales.errors import DiscountNotAllowed
from apps.sales.models import Sale, SaleItem
from apps.sales.services.settling import complete_sale
from apps.users.models import User

WRITE_SALES, WRITE_ITEMS = Insertion(Sale), Insertion(SaleItem)


@dataclass(frozen=True)
class OrderLine:
    """One thing in the basket, named by product id or barcode; `discount` is an amount."""

    quantity: Decimal
    product_id: int | None = None
    barcode: str | None = None
    discount: Decimal = money.ZERO


@dataclass(frozen=True)
class Order:
    """What the till sends. `amount_paid` is cash handed over now; prices are never part of an order."""

    lines: Sequence[OrderLine]
    discount: Decimal = money.ZERO
    amount_paid: Decimal = money.ZERO
    customer: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkout:
    """A sale just made, with its lines and payments as they are in the database."""

    sale: Sale
    items: list[SaleItem]
    payments: list[dict[str, Any]]


def sell(order: Order, *, cashier: User, discount_limit: Decimal | None, now: datetime) -> Checkout:
    """Takes the stock, records the sale and the cash. Call inside a transaction.

    `discount_limit` is the percentage of the goods' value this cashier may give away, None for any. Raises
    `ValidationError` (unknown or inactive product, discount above the sale), `DiscountNotAllowed` and
    `InsufficientStock`.
    """
    products = _products(order.lines)
    lines, worth = _totals(order, products)
    whole = totals.sale_totals(lines)
    _check_discount(whole.discount, worth, discount_limit)
    sale = Sale(
        business_date=local_date(now),
        cashier=cashier,
        created_at=now,
        updated_at=now,
        **vars(whole),
        **order.customer,
    )
    WRITE_SALES([sale])
    items = [_item(sale, *parts) for parts in zip(order.lines, products, lines, strict=True)]
    WRITE_ITEMS(items)
    issue_stock(
        _by_product(items),
        Occasion(
            Movement.Type.SALE, cashier.pk, now, reference=str(sale.sale_number), cause=f"sale:{sale.pk}"
        ),
    )
    return Checkout(sale, items, _pay(sale, order.amount_paid, cashier, now))


def _products(lines: Sequence[OrderLine]) -> list[Row]:
    """The product of every line, in their order; all the lines' mistakes at once."""
    keys = [barcodes.lookup_key(barcodes.clean(line.barcode)) if line.barcode else "" for line in lines]
    ids = [line.product_id for line in lines if line.product_id is not None]
    rows = products_for_sale(ids, filter(None, keys))
    by_id = {row["id"]: row for row in rows}
    by_key = {row["barcode_key"]: row for row in rows}
    found: list[Row] = []
    mistakes = {}
    for index, (line, key) in enumerate(zip(lines, keys, strict=True)):
        row = by_key.get(key) if line.product_id is None else by_id.get(line.product_id)
        if mistake := _mistake(line, key, row):
            mistakes[str(index)] = mistake
        found.append(row or {})
    if mistakes:
        raise ValidationError({"items": mistakes})
    return found


def _mistake(line: OrderLine, key: str, row: Row | None) -> dict[str, list[str]]:
    name = "barcode" if line.product_id is None else "product"
    if row is None:
        return {name: [f"There is no product with this {'barcode' if name == 'barcode' else 'id'}."]}
    if key and row["barcode_key"] != key:
        return {"barcode": ["This barcode belongs to another product."]}
    if not row["is_active"]:
        return {name: [f"{row['name']} is not sold any more."]}
    return {}


def _totals(order: Order, products: Sequence[Row]) -> tuple[list[totals.Totals], Decimal]:
    priced = [
        totals.PricedLine(row["price"], line.quantity, row["tax"], line.discount)
        for line, row in zip(order.lines, products, strict=True)
    ]
    try:
        return totals.line_totals(priced, order.discount, prices_include_tax=settings.PRICES_INCLUDE_TAX)
    except totals.DiscountTooLarge as error:
        mistake = {"discount": [str(error)]}
        if error.line is None:
            raise ValidationError(mistake) from None
        raise ValidationError({"items": {str(error.line): mistake}}) from None
    except totals.SaleTooLarge as error:
        raise ValidationError({"items": {"non_field_errors": [str(error)]}}) from None


def _check_discount(discount: Decimal, worth: Decimal, limit: Decimal | None) -> None:
    if limit is None or discount * 100 <= worth * limit:
        return
    most = money.round_money(worth * limit / 100)
    raise DiscountNotAllowed(
        f"You may give at most {limit.normalize():f} % of the sale, here {money.format_money(most)}. "
        "Ask an administrator for more.",
        allowed=money.format_money(most),
    )


def _item(sale: Sale, line: OrderLine, row: Row, amounts: totals.Totals) -> SaleItem:
    return SaleItem(
        sale=sale,
        product_id=row["id"],
        product_name=row["name"],
        product_barcode=row["barcode"],
        product_sku=row["sku"],
        category_name=row["category__name"] or "",
        unit_price=row["price"],
        cost_price=row["cost_price"],
        quantity=line.quantity,
        tax_rate=row["tax"],
        **vars(amounts),
    )


def _by_product(items: Sequence[SaleItem]) -> dict[int, Decimal]:
    """What to take of each product; a product that was scanned twice is two lines, but one movement."""
    quantities: dict[int, Decimal] = defaultdict(Decimal)
    for item in items:
        quantities[item.product_id] += item.quantity
    return quantities


def _pay(sale: Sale, tendered: Decimal, cashier: User, now: datetime) -> list[dict[str, Any]]:
    if sale.total == 0:
        complete_sale(sale, now=now)
        return []
    if tendered == 0:
        return []
    amount = min(tendered, sale.total)
    return [ports.take_cash()(sale, amount=amount, tendered=tendered, user=cashier, now=now)]
