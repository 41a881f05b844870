"""Exact money, quantities and percentages: `Decimal` in, `Decimal` out, never a float.

Money has two decimals, quantities up to three, percentages two. Text on the wire is plain ASCII digits. A JSON
number may carry the blur of binary arithmetic (`299.90000000000003`) and is then taken as meant.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal

CENT = Decimal("0.01")
THOUSANDTH = Decimal("0.001")
ZERO = Decimal("0.00")
MAX_PRICE = Decimal("9999999999.99")
MAX_MONEY = Decimal("999999999999.99")
MAX_QUANTITY = Decimal("1000000")
MAX_STOCK = Decimal("999999999.999")

# JavaScript's double arithmetic blurs a sum of prices by far less than this.
BLUR = Decimal("0.000000001")
# Twelve digits before the point, and room for products of two such numbers.
EXACT = Context(prec=50)

_DIGITS = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?", re.ASCII)


class ScientificNumber(Decimal):
    """A JSON number that was written with an exponent (`1e300`), told apart so that it can be refused."""


class NotExact(ValueError):
    """The value is not a plain decimal number with the allowed number of decimals."""


def parse_decimal(value: object, places: int) -> Decimal:
    """The exact number behind `value` (str, int or Decimal), rounded to nothing but its own blur.

    Raises `NotExact` for everything else: floats, booleans, exponents, non-ASCII digits, too many decimals.
    """
    if isinstance(value, str):
        return _parse_text(value, places)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise NotExact("A number is needed.")
    if isinstance(value, int):
        return _parse_text(str(value) if abs(value) < 10**15 else "", places)
    return _parse_number(value, places)


def _parse_text(text: str, places: int) -> Decimal:
    if not _DIGITS.fullmatch(text):
        raise NotExact("A number in plain digits is needed, for example 1250.00.")
    number = Decimal(text)
    if number != (rounded := _quantize(number, places)):
        raise NotExact(f"At most {places} decimals are allowed.")
    return rounded


def _parse_number(number: Decimal, places: int) -> Decimal:
    # `copy_abs` instead of `abs`, which rounds and overflows at an exponent of a million.
    if not number.is_finite() or number.copy_abs() >= Decimal(10) ** 15:
        raise NotExact("The number is too large.")
    if isinstance(number, ScientificNumber) and number.copy_abs() > BLUR:
        raise NotExact("A number without an exponent is needed.")
    rounded = _quantize(Decimal(number), places)
    if abs(number - rounded) > BLUR:
        raise NotExact(f"At most {places} decimals are allowed.")
    return rounded


def _quantize(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, EXACT) + 0  # + 0 turns -0 into 0


def round_money(amount: Decimal) -> Decimal:
    """`amount` rounded half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP, EXACT)


def spread(amount: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """`amount` split into cents in proportion to `weights` (largest remainder first), adding up exactly.

    No share exceeds its weight as long as `amount` does not exceed the sum of the weights.
    """
    whole = sum(weights, ZERO)
    if not whole or not amount:
        return [ZERO] * len(weights)
    cents, total = int(amount * 100), int(whole * 100)
    exact = [cents * int(weight * 100) for weight in weights]
    shares = [part // total for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(exact[i] % total), i))
    for index in by_remainder[: cents - sum(shares)]:
        shares[index] += 1
    return [Decimal(share).scaleb(-2) for share in shares]


def format_money(amount: Decimal) -> str:
    """Two decimals, plain digits: `1250.00`."""
    return f"{amount:.2f}"


def format_quantity(quantity: Decimal) -> int | float:
    """A JSON number without needless decimals: `3`, `1.25`."""
    return plain_number(quantity)


def plain_number(value: Decimal | int) -> int | float:
    """What charts, sheets and quantities carry; a double holds fifteen digits exactly as written."""
    return int(value) if value == int(value) else float(value)
