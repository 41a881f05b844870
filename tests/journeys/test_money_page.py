"""docs/money-and-states.md says what the code does: its example is computed again, its state table compared."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from apps.payments.states import MOVES
from apps.sales.totals import PricedLine, Totals, line_totals, sale_totals

PAGE = (Path(__file__).parents[2] / "docs" / "money-and-states.md").read_text()
SALE_DISCOUNT = Decimal("20.00")


def table_after(sentence: str) -> list[list[str]]:
    """The cells of the first table below `sentence`, without its head."""
    below = PAGE[PAGE.index(sentence) :]
    rows = re.search(r"^\|.*?\n(?!\|)", below, re.M | re.S)
    assert rows, sentence
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]


def example() -> list[PricedLine]:
    return [
        PricedLine(Decimal(price), Decimal(quantity), Decimal(rate), Decimal(discount))
        for _, price, quantity, rate, discount in table_after("Three lines and a discount of 20.00")
    ]


def shown(name: str, worth: Decimal, own_discount: Decimal, amounts: Totals) -> list[str]:
    share = amounts.discount - own_discount
    numbers = (worth, share, amounts.subtotal, amounts.tax_amount, amounts.discount, amounts.total)
    return [name, *(f"{number:.2f}" for number in numbers)]


@pytest.mark.parametrize(
    ("sentence", "prices_include_tax"),
    [("With prices that include tax:", True), ("With prices before tax:", False)],
)
def test_the_worked_example_is_what_the_till_computes(sentence: str, prices_include_tax: bool) -> None:
    lines = example()
    totals, worth = line_totals(lines, SALE_DISCOUNT, prices_include_tax=prices_include_tax)

    expected = [
        shown(str(number), line.unit_price * line.quantity, line.discount, amounts)
        for number, (line, amounts) in enumerate(zip(lines, totals, strict=True), start=1)
    ]
    own_discounts = sum((line.discount for line in lines), Decimal(0))
    expected.append(shown("sale", worth, own_discounts, sale_totals(totals)))

    assert table_after(sentence) == expected


def test_the_payment_table_is_the_one_that_is_asked() -> None:
    written = {
        start: set(re.findall(r"`(\w+)`", ends)) for start, ends in table_after("This is the whole table")
    }

    assert written == {f"`{start.value}`": {end.value for end in ends} for start, ends in MOVES.items()}
