"""What stands on a receipt, row by row, whatever it is printed by."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils import timezone

from apps.core import money
from apps.core.prepared import Row as Line
from apps.sales.models import Sale
from apps.sales.states import PaymentStatus, Status

METHODS = {
    "cash": "Cash",
    "mpesa": "M-Pesa",
    "airtel": "Airtel Money",
    "card": "Card",
    "bank": "Bank transfer",
}
# A payment in one of these states was made.
_MADE = {"success", "refunded"}


class Kind(StrEnum):
    TITLE = "title"  # large, in the middle
    CENTRED = "centred"
    TEXT = "text"
    PAIR = "pair"  # a name and what belongs to it at the right
    TOTAL = "total"  # the same, so that nobody misses it
    RULE = "rule"
    CODE = "code"  # a QR code of the text


@dataclass(frozen=True)
class Row:
    kind: Kind
    text: str = ""
    right: str = ""


@dataclass(frozen=True)
class Shop:
    """Who sells: `address` may have several lines, `tax_pin` and `footer` may be empty."""

    name: str
    address: str
    tax_pin: str
    footer: str
    currency: str


RULE = Row(Kind.RULE)


def receipt_rows(
    sale: Sale, lines: Sequence[Line], payments: Iterable[Mapping[str, Any]], shop: Shop
) -> list[Row]:
    """The rows from top to bottom; `payments` as they appear on the wire, those that were not made are left out."""
    made = [payment for payment in payments if payment["status"] in _MADE]
    return [
        *_head(shop),
        RULE,
        *_about(sale),
        RULE,
        *(row for line in lines for row in _goods(line)),
        RULE,
        *_sums(sale, lines, shop),
        *(row for payment in made for row in _paid(payment)),
        *_left(sale),
        RULE,
        *_taxes(lines),
        *_foot(sale, shop),
    ]


def masked(phone: str) -> str:
    """`+254***678`: the customer knows it, and whoever finds the paper does not."""
    return f"{phone[:4]}***{phone[-3:]}" if len(phone) > 8 else "***"


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _head(shop: Shop) -> Iterator[Row]:
    yield Row(Kind.TITLE, shop.name)
    for line in shop.address.splitlines():
        yield Row(Kind.CENTRED, line.strip())
    if shop.tax_pin:
        yield Row(Kind.CENTRED, f"PIN {shop.tax_pin}")


def _about(sale: Sale) -> Iterator[Row]:
    if sale.status == Status.CANCELLED:
        yield Row(Kind.TITLE, "CANCELLED")
    elif sale.payment_status == PaymentStatus.REFUNDED:
        yield Row(Kind.TITLE, "REFUNDED")
    elif sale.status == Status.PENDING:
        yield Row(Kind.TITLE, "NOT PAID YET")
    if sale.receipt_number:
        yield Row(Kind.PAIR, "Receipt", sale.receipt_number)
    yield Row(Kind.PAIR, "Sale", sale.sale_number)
    moment = timezone.localtime(sale.completed_at or sale.created_at)
    yield Row(Kind.PAIR, "Date", f"{moment:%Y-%m-%d %H:%M}")
    yield Row(Kind.PAIR, "Served by", sale.cashier.display_name)
    if sale.customer_name:
        yield Row(Kind.PAIR, "Customer", sale.customer_name)
    if sale.customer_phone:
        yield Row(Kind.PAIR, "Phone", masked(sale.customer_phone))


def _goods(line: Line) -> Iterator[Row]:
    quantity, price = money.format_quantity(line["quantity"]), _money(line["unit_price"])
    yield Row(Kind.TEXT, line["product_name"])
    yield Row(Kind.PAIR, f"  {quantity} x {price}", _money(_gross(line)))
    if line["discount"]:
        yield Row(Kind.PAIR, "  Discount", _money(-line["discount"]))


def _gross(line: Line) -> Decimal:
    """Quantity times price to the cent, with the tax where prices contain it."""
    return money.round_money(line["quantity"] * line["unit_price"])


def _sums(sale: Sale, lines: Sequence[Line], shop: Shop) -> Iterator[Row]:
    goods = sum(map(_gross, lines), money.ZERO)
    on_top = sale.total - (goods - sale.discount)
    if sale.discount or on_top:
        yield Row(Kind.PAIR, "Goods", _money(goods))
    if sale.discount:
        yield Row(Kind.PAIR, "Discount", _money(-sale.discount))
    if on_top:
        yield Row(Kind.PAIR, "Tax", _money(on_top))
    yield Row(Kind.TOTAL, f"TOTAL {shop.currency}", _money(sale.total))


def _paid(payment: Mapping[str, Any]) -> Iterator[Row]:
    tendered = payment["amount_tendered"]
    yield Row(Kind.PAIR, METHODS[payment["method"]], _money(Decimal(tendered or payment["amount"])))
    marks = (payment["external_reference"], payment["phone_number"] and masked(payment["phone_number"]))
    if known := [mark for mark in marks if mark]:
        yield Row(Kind.TEXT, f"  {' '.join(known)}")


def _left(sale: Sale) -> Iterator[Row]:
    for name, amount in (("Change", sale.change), ("Refunded", -sale.amount_refunded)):
        if amount:
            yield Row(Kind.PAIR, name, _money(amount))
    if sale.balance_due and sale.status == Status.PENDING:
        yield Row(Kind.TOTAL, "To pay", _money(sale.balance_due))


def _taxes(lines: Iterable[Line]) -> Iterator[Row]:
    """What was sold at each rate, and the tax in it."""
    found: dict[Decimal, list[Decimal]] = defaultdict(lambda: [money.ZERO, money.ZERO])
    for line in lines:
        found[line["tax_rate"]][0] += line["total"] - line["tax_amount"]
        found[line["tax_rate"]][1] += line["tax_amount"]
    for rate, (net, tax) in sorted(found.items(), reverse=True):
        name = f"Tax {money.plain_number(rate)} % of {_money(net)}"
        yield Row(Kind.PAIR, name, _money(tax))


def _foot(sale: Sale, shop: Shop) -> Iterator[Row]:
    if shop.footer:
        yield RULE
        for line in shop.footer.splitlines():
            yield Row(Kind.CENTRED, line.strip())
    yield Row(Kind.CODE, sale.sale_number)
    yield Row(Kind.CENTRED, sale.sale_number)
