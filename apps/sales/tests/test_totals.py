"""The arithmetic of a sale: known answers, and identities that hold for any basket."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core import money
from apps.sales.totals import DiscountTooLarge, PricedLine, SaleTooLarge, Totals, line_totals, sale_totals
from tests.figures import form, show

pytestmark = pytest.mark.long_form

EXAMPLES = form(100, 10_000)
TRIED: Counter[str] = Counter()
many = settings(max_examples=EXAMPLES, deadline=None)

D = Decimal
ZERO = money.ZERO


def one(
    price: str, quantity: str = "1", tax: str = "16", discount: str = "0", *, inclusive: bool = True
) -> Totals:
    line = PricedLine(D(price), D(quantity), D(tax), D(discount))
    return line_totals([line], ZERO, prices_include_tax=inclusive)[0][0]


def amounts(totals: Totals) -> tuple[str, ...]:
    return tuple(str(value) for value in (totals.subtotal, totals.tax_amount, totals.discount, totals.total))


def test_the_contracts_example() -> None:
    assert amounts(one("116.00")) == ("100.00", "16.00", "0.00", "116.00")
    assert amounts(one("100.00", inclusive=False)) == ("100.00", "16.00", "0.00", "116.00")


@pytest.mark.parametrize(
    ("price", "quantity", "inclusive", "expected"),
    [
        ("0.05", "0.5", True, ("0.03", "0.00", "0.00", "0.03")),  # 0.025 is rounded up
        ("99.99", "0.333", True, ("28.71", "4.59", "0.00", "33.30")),
        ("0.03", "1", False, ("0.03", "0.00", "0.00", "0.03")),
        ("10.03", "1", False, ("10.03", "1.60", "0.00", "11.63")),
        ("0.00", "7", True, ("0.00", "0.00", "0.00", "0.00")),
    ],
)
def test_each_line_is_rounded_half_up(
    price: str, quantity: str, inclusive: bool, expected: tuple[str, ...]
) -> None:
    assert amounts(one(price, quantity, inclusive=inclusive)) == expected


def test_tax_is_due_on_what_is_really_paid() -> None:
    assert amounts(one("116.00", discount="11.60")) == ("101.60", "14.40", "11.60", "104.40")
    assert amounts(one("100.00", discount="10.00", inclusive=False)) == ("100.00", "14.40", "10.00", "104.40")


def test_a_sale_discount_is_spread_in_proportion_and_to_the_cent() -> None:
    lines = [PricedLine(D("100.00"), D(1), D(16))] * 3
    totals, worth = line_totals(lines, D("100.00"), prices_include_tax=True)
    assert [str(line.discount) for line in totals] == ["33.34", "33.33", "33.33"]
    assert sale_totals(totals).total == D("200.00")
    assert worth == D("300.00")


def test_discounts_above_what_they_are_given_on() -> None:
    lines = [PricedLine(D("10.00"), D(1), D(16), D("4.00")), PricedLine(D("5.00"), D(1), D(0), D("5.01"))]
    with pytest.raises(DiscountTooLarge, match=r"more than the 5\.00") as refused:
        line_totals(lines, ZERO, prices_include_tax=True)
    assert refused.value.line == 1
    with pytest.raises(DiscountTooLarge, match=r"more than the 6\.00") as refused:
        line_totals(lines[:1], D("6.01"), prices_include_tax=True)
    assert refused.value.line is None


def test_a_sale_no_account_can_hold() -> None:
    line = PricedLine(money.MAX_PRICE, money.MAX_QUANTITY, D(16))
    with pytest.raises(SaleTooLarge):
        line_totals([line], ZERO, prices_include_tax=True)


cents = st.integers(0, 10**9).map(lambda value: D(value).scaleb(-2))
quantities = st.integers(1, 10**5).map(lambda value: D(value).scaleb(-3))
rates = st.integers(0, 10**4).map(lambda value: D(value).scaleb(-2))
shares = st.integers(0, 100)


@st.composite
def baskets(draw: st.DrawFn) -> tuple[list[PricedLine], Decimal]:
    """Any lines with any discounts that the goods can bear."""
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        price, quantity, rate = draw(cents), draw(quantities), draw(rates)
        worth = money.round_money(price * quantity)
        lines.append(PricedLine(price, quantity, rate, money.round_money(worth * draw(shares) / 100)))
    left = sum((money.round_money(line.unit_price * line.quantity) - line.discount for line in lines), ZERO)
    return lines, money.round_money(left * draw(shares) / 100)


@many
@given(baskets(), st.booleans())
def test_identities_hold_for_any_basket(basket: tuple[list[PricedLine], Decimal], inclusive: bool) -> None:
    TRIED["baskets"] += 1
    lines, discount = basket
    totals, worth = line_totals(lines, discount, prices_include_tax=inclusive)
    whole = sale_totals(totals)
    for line in [*totals, whole]:
        assert line.total == line.subtotal + line.tax_amount - line.discount
        assert min(line.subtotal, line.tax_amount, line.discount, line.total) >= 0
        for value in (line.subtotal, line.tax_amount, line.discount, line.total):
            assert value == value.quantize(money.CENT)
    assert whole.discount == discount + sum(line.discount for line in lines)
    assert worth == sum(money.round_money(line.unit_price * line.quantity) for line in lines)
    if inclusive:
        assert whole.total == worth - whole.discount
    else:
        assert whole.subtotal == worth


@many
@given(baskets(), st.booleans())
def test_tax_is_within_half_a_cent_of_the_exact_one(
    basket: tuple[list[PricedLine], Decimal], inclusive: bool
) -> None:
    TRIED["taxed"] += 1
    lines, discount = basket
    totals, _ = line_totals(lines, discount, prices_include_tax=inclusive)
    for line, amount in zip(lines, totals, strict=True):
        base = amount.total if inclusive else amount.subtotal - amount.discount
        exact = base * line.tax_rate / (100 + line.tax_rate if inclusive else 100)
        assert abs(amount.tax_amount - exact) <= D("0.005")


@many
@given(st.lists(cents, min_size=1, max_size=12), shares)
def test_a_spread_amount_adds_up_and_fits_everywhere(weights: list[Decimal], share: int) -> None:
    TRIED["spreads"] += 1
    amount = money.round_money(sum(weights, ZERO) * share / 100)
    parts = money.spread(amount, weights)
    assert sum(parts) == amount or not any(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert part == part.quantize(money.CENT)
        # The largest remainder: nobody is more than a cent from the exact share.
        assert not any(weights) or abs(part - amount * weight / sum(weights)) < money.CENT


@many
@given(cents, rates)
def test_prices_with_and_without_tax_are_inverse_within_a_cent(price: Decimal, rate: Decimal) -> None:
    TRIED["prices"] += 1
    before = one(str(price), tax=str(rate), inclusive=False)
    back = one(str(before.total), tax=str(rate), inclusive=True)
    assert back.total == before.total
    assert abs(back.subtotal - before.subtotal) <= money.CENT
    assert abs(back.tax_amount - before.tax_amount) <= money.CENT


def test_enough_was_tried() -> None:
    if len(TRIED) < 4:
        pytest.skip("only some of the properties were tried")
    assert min(TRIED.values()) >= EXAMPLES
    show(
        "B3",
        "totals, lines, discounts and shares of any basket: each adds up, no value has a third decimal",
        f"{TRIED['baskets']:,} baskets, {TRIED['spreads']:,} spreads",
        "0 cents off",
    )
    show(
        "B4",
        "tax per line against the exact one; prices with tax against prices without",
        f"{TRIED['taxed']:,} baskets, {TRIED['prices']:,} prices",
        "at most half a cent, and one cent",
    )
