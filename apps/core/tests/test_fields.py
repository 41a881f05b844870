"""What serializer fields take, what they refuse, and in which words."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.core.fields import IdField, MoneyField, PercentField, QuantityField, StrictSerializer

PLAIN = "A number in plain digits is needed, for example 1250.00."


def refusal(field: serializers.Field[Any, Any, Any, Any], value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        field.run_validation(value)
    return str(refused.value.detail[0])


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        (MoneyField(), "0", "0.00"),
        (MoneyField(), "9999999999.99", "9999999999.99"),
        (MoneyField(low=Decimal(-5)), "-5", "-5.00"),
        (PercentField(), 100, "100.00"),
        (QuantityField(), "0.001", "0.001"),
        (QuantityField(), 1_000_000, "1000000.000"),
        (QuantityField(), Decimal("1.2500000000000002"), "1.250"),
    ],
)
def test_numbers_within_bounds(field: serializers.Field[Any, Any, Any, Any], value: Any, taken: str) -> None:
    assert str(field.run_validation(value)) == taken


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (MoneyField(), "-0.01", "Must be at least 0."),
        (MoneyField(), "10000000000.00", "Must be at most 9999999999.99."),
        (MoneyField(low=Decimal("0.01")), 0, "Must be at least 0.01."),
        (MoneyField(), "1.005", "At most 2 decimals are allowed."),
        (MoneyField(), "", PLAIN),
        (MoneyField(), "1e3", PLAIN),
        (MoneyField(), "٣", PLAIN),
        (MoneyField(), True, "A number is needed."),
        (MoneyField(), [1], "A number is needed."),
        (MoneyField(), None, "This field may not be null."),
        (PercentField(), "100.01", "Must be at most 100.00."),
        (QuantityField(), 0, "Must be at least 0.001."),
        (QuantityField(), "0.0001", "At most 3 decimals are allowed."),
        (QuantityField(), "1000000.001", "Must be at most 1000000."),
        (QuantityField(), Decimal("1e1000000"), "The number is too large."),
    ],
)
def test_numbers_that_are_refused(
    field: serializers.Field[Any, Any, Any, Any], value: Any, sentence: str
) -> None:
    assert refusal(field, value) == sentence


def test_numbers_on_the_wire() -> None:
    assert MoneyField().to_representation(Decimal(1250)) == "1250.00"
    assert PercentField().to_representation(Decimal(16)) == "16.00"
    assert [QuantityField().to_representation(Decimal(text)) for text in ("3.000", "1.250")] == [3, 1.25]


@pytest.mark.parametrize("value", [1, "1", "001", 10**18 - 1, "9" * 18])
def test_ids(value: Any) -> None:
    assert IdField().run_validation(value) == int(value)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-1",
        "+1",
        " 1",
        "1\n",
        "1.0",
        Decimal(1),
        Decimal("1.5"),
        "١",
        "1e3",
        "x",
        "",
        True,
        [],
        {},
        10**18,
        "9" * 19,
        10**4000,
        "1" + "0" * 9999,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_no_ids(value: Any) -> None:
    assert refusal(IdField(), value) == "The id of a record is needed: a whole number."


class Form(StrictSerializer):
    ignored = frozenset({"id"})
    price = MoneyField()


def test_a_strict_form_names_what_it_does_not_know() -> None:
    form = Form(data={"price": "1", "id": 7, "total": "2", "__proto__": {}})
    assert not form.is_valid()
    unknown = ["This field is not known here."]
    assert form.errors == {"total": unknown, "__proto__": unknown}
    form = Form(data={"price": "1", "id": 7})
    assert form.is_valid()
    assert form.validated_data == {"price": Decimal("1.00")}


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_a_form_is_an_object(value: Any) -> None:
    form = Form(data=value)
    assert not form.is_valid()
    assert list(form.errors) == ["non_field_errors"]
