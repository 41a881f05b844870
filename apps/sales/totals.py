"""The arithmetic of a sale: pure, exact, rounded once per line. Amounts in the shop's currency.

`total = subtotal + tax_amount - discount` holds to the cent on every line and on the sale, and the lines add up
to the sale. Each line is rounded half up to 0.01. A discount on the sale is spread over the lines in proportion
to what they cost after their own discounts, so that tax is due on what is really paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.core import money


@dataclass(frozen=True)
class PricedLine:
    """What is bought: `quantity` units at `unit_price`, `tax_rate` in percent, `discount` an amount."""

    unit_price: Decimal
    quantity: Decimal
    tax_rate: Decimal
    discount: Decimal = money.ZERO


@dataclass(frozen=True)
class Totals:
    """One line's or one sale's amounts; `discount` includes the share of the sale's own discount."""

    subtotal: Decimal
    tax_amount: Decimal
    discount: Decimal
    total: Decimal


class DiscountTooLarge(ValueError):
    """A discount is more than what it is given on. `line` is None for the sale's own discount."""

    def __init__(self, line: int | None, available: Decimal) -> None:
        super().__init__(f"The discount is more than the {money.format_money(available)} it is given on.")
        self.line = line


class SaleTooLarge(ValueError):
    """The sale is worth more than an account can hold."""


def line_totals(
    lines: Sequence[PricedLine], discount: Decimal, *, prices_include_tax: bool
) -> tuple[list[Totals], Decimal]:
    """Each line's totals, and the value of the goods before any discount (tax as in the prices).

    Raises `DiscountTooLarge` and `SaleTooLarge`.
    """
    worth = [money.round_money(line.unit_price * line.quantity) for line in lines]
    if sum(worth) > money.MAX_MONEY / 10:
        raise SaleTooLarge("The sale is too large. Split it into several.")
    for index, line in enumerate(lines):
        if line.discount > worth[index]:
            raise DiscountTooLarge(index, worth[index])
    left = [amount - line.discount for amount, line in zip(worth, lines, strict=True)]
    if discount > sum(left):
        raise DiscountTooLarge(None, sum(left, money.ZERO))
    shares = money.spread(discount, left)
    totals = [
        _line(amount, line.discount + share, line.tax_rate, prices_include_tax)
        for amount, line, share in zip(worth, lines, shares, strict=True)
    ]
    return totals, sum(worth, money.ZERO)


def _line(worth: Decimal, discount: Decimal, rate: Decimal, prices_include_tax: bool) -> Totals:
    paid = worth - discount
    if prices_include_tax:
        tax = money.round_money(money.EXACT.divide(paid * rate, 100 + rate))
        return Totals(subtotal=paid - tax + discount, tax_amount=tax, discount=discount, total=paid)
    tax = money.round_money(paid * rate / 100)
    return Totals(subtotal=worth, tax_amount=tax, discount=discount, total=paid + tax)


def sale_totals(lines: Sequence[Totals]) -> Totals:
    """The lines added up."""
    return Totals(
        subtotal=sum((line.subtotal for line in lines), money.ZERO),
        tax_amount=sum((line.tax_amount for line in lines), money.ZERO),
        discount=sum((line.discount for line in lines), money.ZERO),
        total=sum((line.total for line in lines), money.ZERO),
    )
