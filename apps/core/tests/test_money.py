"""Exact numbers: what is taken, what is refused, and splitting without a lost cent."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import money
from apps.core.money import NotExact, ScientificNumber, parse_decimal

CENTS = st.integers(min_value=0, max_value=10**14).map(lambda cents: Decimal(cents).scaleb(-2))


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ("1250.00", "1250.00"),
        ("1250", "1250.00"),
        ("1250.5", "1250.50"),
        ("1250.500", "1250.50"),
        ("007.10", "7.10"),
        ("0", "0.00"),
        ("-0", "0.00"),
        ("-0.00", "0.00"),
        ("-12.34", "-12.34"),
        (0, "0.00"),
        (1250, "1250.00"),
        (-7, "-7.00"),
        (10**15 - 1, "999999999999999.00"),
        (1 - 10**15, "-999999999999999.00"),
        ("999999999999999", "999999999999999.00"),
        ("999999999999999.99", "999999999999999.99"),
        (Decimal("1250.00"), "1250.00"),
        (Decimal("-0.0"), "0.00"),
        # What JavaScript makes of 299.9 and of 0.1 + 0.2, and the most that may be off.
        (Decimal("299.90000000000003"), "299.90"),
        (Decimal("0.30000000000000004"), "0.30"),
        (Decimal("299.89999999999998"), "299.90"),
        (Decimal("1.000000001"), "1.00"),
        (Decimal("0.999999999"), "1.00"),
        (Decimal("-1.000000001"), "-1.00"),
        (Decimal("999999999999999.99"), "999999999999999.99"),
        # A number next to nothing that arithmetic left over.
        (ScientificNumber("5.551115123125783e-17"), "0.00"),
        (ScientificNumber("-1e-9"), "0.00"),
        (ScientificNumber("1e-999999999999"), "0.00"),
    ],
)
def test_accepted(value: Any, exact: str) -> None:
    parsed = parse_decimal(value, 2)
    assert type(parsed) is Decimal
    assert str(parsed) == exact


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "--1",
        "1_0",
        "1,000",
        "1.",
        ".5",
        "1e3",
        "1E3",
        "0x10",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "one",
        "١٢",
        "1٢",
        "１２",
        "1\u200b",
        "1\x00",
        "__proto__",
        "299.905",
        "299.900000000000001",
        "1000000000000000",
        "-1000000000000000",
        "1" * 5000,
        "1." + "0" * 21,
        10**15,
        -(10**15),
        10**4000,
        1.0,
        299.90000000000003,
        float("nan"),
        True,
        False,
        None,
        [],
        ["1"],
        {},
        b"1",
        1j,
        Decimal("299.905"),
        Decimal("1.0000000011"),
        Decimal("0.001"),
        Decimal("NaN"),
        Decimal("-sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal(10**15),
        Decimal("1" * 5000),
        ScientificNumber("1e2"),
        ScientificNumber("1e-2"),
        ScientificNumber("1e300"),
        ScientificNumber("-1e999999"),
        ScientificNumber("1e1000000"),
        ScientificNumber("1e999999999999999999"),
        ScientificNumber("1.1e-9"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_refused(value: Any) -> None:
    with pytest.raises(NotExact):
        parse_decimal(value, 2)


@pytest.mark.parametrize(
    ("value", "places", "exact"), [("1.25", 3, "1.250"), ("0.001", 3, "0.001"), ("7", 0, "7")]
)
def test_the_number_of_decimals_is_given(value: str, places: int, exact: str) -> None:
    assert str(parse_decimal(value, places)) == exact
    with pytest.raises(NotExact, match=f"At most {places} decimals are allowed"):
        parse_decimal(value + ("." if "." not in value else "") + "0001", places)


@given(st.integers(min_value=-(10**17) + 1, max_value=10**17 - 1))
def test_every_amount_survives_the_wire(cents: int) -> None:
    amount = Decimal(cents).scaleb(-2)
    assert parse_decimal(money.format_money(amount), 2) == amount
    assert parse_decimal(amount, 2) == amount


@given(st.integers(min_value=0, max_value=10**9))
def test_the_blur_of_floats_is_wiped_off(cents: int) -> None:
    """A browser sends what `JSON.stringify(a + b)` makes; up to ten million the blur is far below a billionth."""
    blurred = repr(cents / 100 + 0.1 - 0.1)
    sent = ScientificNumber(blurred) if "e" in blurred else Decimal(blurred)
    assert parse_decimal(sent, 2) == Decimal(cents).scaleb(-2)


@given(st.one_of(st.text(max_size=20), st.floats(), st.decimals(), st.integers(), st.none(), st.booleans()))
def test_any_value_is_exact_or_refused(value: Any) -> None:
    try:
        parsed = parse_decimal(value, 2)
    except NotExact:
        return
    assert parsed.as_tuple().exponent == -2
    assert abs(Decimal(value) - parsed) <= money.BLUR
    assert not (parsed.is_zero() and parsed.is_signed())


@given(st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,4})?e[-+]?[0-9]{1,20}", fullmatch=True))
def test_exponents_never_get_through(text: str) -> None:
    """Only what is nothing anyway passes, as nothing."""
    try:
        number = ScientificNumber(text)
    except ArithmeticError:
        return  # refused by the parser
    try:
        assert parse_decimal(number, 2) == 0
    except NotExact:
        assert number.copy_abs() > money.BLUR


@given(st.lists(CENTS, min_size=1, max_size=30), st.data())
def test_shares_add_up_and_none_exceeds_its_weight(weights: list[Decimal], data: st.DataObject) -> None:
    whole = int(sum(weights) * 100)
    amount = Decimal(data.draw(st.integers(min_value=0, max_value=whole))).scaleb(-2)
    shares = money.spread(amount, weights)
    assert len(shares) == len(weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        assert share == 0 or share.as_tuple().exponent == -2


@given(st.lists(CENTS, min_size=1, max_size=30), st.data())
def test_shares_are_within_a_cent_of_proportion(weights: list[Decimal], data: st.DataObject) -> None:
    whole = int(sum(weights) * 100)
    cents = data.draw(st.integers(min_value=0, max_value=whole))
    shares = money.spread(Decimal(cents).scaleb(-2), weights)
    for share, weight in zip(shares, weights, strict=True):
        # share = amount * weight / whole, give or take one cent, in whole numbers
        assert abs(int(share * 100) * whole - cents * int(weight * 100)) < max(whole, 1)


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        ("0", ["1.00", "2.00"], ["0.00", "0.00"]),
        ("1.00", ["1.00", "1.00", "1.00"], ["0.34", "0.33", "0.33"]),
        ("0.02", ["1.00", "1.00", "1.00"], ["0.01", "0.01", "0.00"]),
        ("0.01", ["0.10", "0.90"], ["0.00", "0.01"]),
        ("3.00", ["1.00", "0.00", "2.00"], ["1.00", "0.00", "2.00"]),
        ("0", ["0.00", "0.00"], ["0.00", "0.00"]),
        ("0", [], []),
    ],
)
def test_the_largest_remainder_gets_the_odd_cent(amount: str, weights: list[str], shares: list[str]) -> None:
    parts = money.spread(Decimal(amount), [Decimal(weight) for weight in weights])
    assert [f"{part:.2f}" for part in parts] == shares


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.01"), ("0.0049999", "0.00"), ("2.675", "2.68"), ("-0.005", "-0.01"), ("1", "1.00")],
)
def test_half_a_cent_is_rounded_up(amount: str, rounded: str) -> None:
    assert str(money.round_money(Decimal(amount))) == rounded


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [
        ("3.000", "3"),
        ("1.250", "1.25"),
        ("0.001", "0.001"),
        ("-2.500", "-2.5"),
        ("0.000", "0"),
        ("1000000.000", "1000000"),
        ("999999999.999", "999999999.999"),
    ],
)
def test_quantities_are_plain_numbers(quantity: str, shown: str) -> None:
    assert repr(money.format_quantity(Decimal(quantity))) == shown


@given(st.integers(min_value=-(10**12) + 1, max_value=10**12 - 1))
def test_every_quantity_is_shown_exactly(thousandths: int) -> None:
    quantity = Decimal(thousandths).scaleb(-3)
    shown = repr(money.format_quantity(quantity))
    assert "e" not in shown or quantity.copy_abs() < Decimal("0.001")
    assert Decimal(shown) == quantity
