"""The contract's arithmetic once more, from its text and with exact fractions: nothing here comes from the shop."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

NOTHING = Decimal("0.00")
HUNDRED = 100


def cents(amount: Fraction | Decimal) -> Decimal:
    """`amount` rounded half up to 0.01, a negative one like its opposite."""
    exact = Fraction(amount) * HUNDRED
    whole = floor(abs(exact) + Fraction(1, 2))
    return Decimal(whole if exact >= 0 else -whole).scaleb(-2)


def share(part: Decimal, of: Decimal, whole: Decimal) -> Decimal:
    """What falls to `part` when `of` is spread over `whole`, to the cent."""
    return cents(Fraction(of) * Fraction(part) / Fraction(whole))


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """`part` in percent of `whole`; of nothing it is none."""
    return cents(Fraction(part) * HUNDRED / Fraction(whole)) if whole else NOTHING


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, NOTHING)


@dataclass(frozen=True)
class Figures:
    """The amounts of a line or a sale."""

    subtotal: Decimal
    tax: Decimal
    discount: Decimal
    total: Decimal


@dataclass(frozen=True)
class Priced:
    """What is bought, and for how much a unit; `discount` is an amount, `rate` a percentage."""

    price: Decimal
    quantity: Decimal
    rate: Decimal
    discount: Decimal

    @property
    def worth(self) -> Decimal:
        return cents(Fraction(self.price) * Fraction(self.quantity))


def figures_of(lines: Sequence[Priced], discount: Decimal, *, with_tax: bool) -> list[Figures]:
    """Each line's amounts; `discount` is the sale's own, `with_tax` says that prices contain the tax."""
    shares = spread(discount, [line.worth - line.discount for line in lines])
    return [_figures(line, line.discount + part, with_tax) for line, part in zip(lines, shares, strict=True)]


def _figures(line: Priced, discount: Decimal, with_tax: bool) -> Figures:
    paid = line.worth - discount
    if with_tax:
        tax = cents(Fraction(paid) * Fraction(line.rate) / (HUNDRED + Fraction(line.rate)))
        return Figures(paid - tax + discount, tax, discount, paid)
    tax = cents(Fraction(paid) * Fraction(line.rate) / HUNDRED)
    return Figures(line.worth, tax, discount, paid + tax)


def spread(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`amount` in proportion: whole cents, those left over to the largest remainders, on a tie to the earlier."""
    whole = Fraction(total(weights))
    if not whole:
        return [NOTHING for _ in weights]
    exact = [Fraction(amount) * HUNDRED * Fraction(weight) / whole for weight in weights]
    cut = [floor(part) for part in exact]
    left = int(amount * HUNDRED) - sum(cut)
    for index in sorted(range(len(cut)), key=lambda index: cut[index] - exact[index])[:left]:
        cut[index] += 1
    return [Decimal(part).scaleb(-2) for part in cut]


def average_cost(stock: Decimal, cost: Decimal, came: Decimal, unit_cost: Decimal) -> Decimal:
    """The cost of a unit of what is there and what came, weighted by quantity."""
    value = Fraction(stock) * Fraction(cost) + Fraction(came) * Fraction(unit_cost)
    return cents(value / Fraction(stock + came))
