"""Plain lines are read quickly, and as the form would read them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from apps.sales import serializers
from apps.sales.serializers import MAX_LINES, OrderForm
from tests.figures import form

pytestmark = pytest.mark.long_form
NUMBERS = st.one_of(
    st.integers(-2, 2_000_000),
    st.decimals(-1, 2_000_000, places=4, allow_nan=False),
    st.sampled_from(
        ["1", "1.250", "1.2345", " 1", "1e3", "", "-1", Decimal("0.1000000000000001"), True, 10**30]
    ),
    st.none(),
)
IDS = st.one_of(st.integers(-1, 10**19), st.sampled_from(["7", "", "x", True, 1.5, None, [1]]))
CODES = st.one_of(
    st.text(max_size=70),
    st.sampled_from(
        ["6161100490000", " 6161100490000\r\n", "٦١٦", "", None, 6161100490000, "a\u200bb", "x" * 64]
    ),
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "product": IDS,
        "barcode": CODES,
        "quantity": NUMBERS,
        "discount": NUMBERS,
        "id": st.none(),
        "price": NUMBERS,
    },
)
BODIES = st.one_of(
    st.lists(st.one_of(LINES, LINES, st.none(), st.text(max_size=3)), max_size=4), st.none(), LINES
)


def read(items: Any) -> Any:
    """What becomes of a body with these items: its values, or its refusals."""
    order = OrderForm(data={"items": items})
    try:
        order.is_valid(raise_exception=True)
    except ValidationError as error:
        return error.detail
    return order.validated_data


@settings(max_examples=form(300, 10_000), deadline=None)
@given(items=BODIES)
def test_quickly_or_by_the_form_is_the_same(items: Any) -> None:
    quickly = read(items)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serializers, "_plain_line", lambda item: None)
        assert read(items) == quickly


def test_a_plain_basket_does_not_trouble_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would compare the form with itself."""
    monkeypatch.setattr(serializers.OrderItemForm, "run_validation", None)
    plain = [
        {"product": 7, "quantity": 2},
        {"product": 8, "barcode": None, "quantity": "1.250", "discount": "5.00"},
    ]
    assert read(plain)["items"] == [
        {"product": 7, "quantity": Decimal("2.000")},
        {"product": 8, "barcode": None, "quantity": Decimal("1.250"), "discount": Decimal("5.00")},
    ]


def test_too_many_lines_are_refused_as_ever() -> None:
    assert "items" in read([{"product": 1, "quantity": 1}] * (MAX_LINES + 1))
