"""Serializer fields for numbers and ids, and serializers that refuse what they do not know or must not hold."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from drf_yasg import openapi
from rest_framework import serializers

from apps.core import card_numbers, money

_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class ExactField(serializers.Field[Decimal, Any, Any, Any]):
    """A `Decimal` with a fixed number of decimals between `low` and `high`, both allowed."""

    places = 2
    low: Decimal = Decimal(0)
    high: Decimal = money.MAX_PRICE
    example = "1250.00"

    def __init__(self, *, low: Decimal | None = None, high: Decimal | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.low = self.low if low is None else low
        self.high = self.high if high is None else high

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            number = money.parse_decimal(data, self.places)
        except money.NotExact as error:
            raise serializers.ValidationError(str(error)) from None
        if number < self.low:
            raise serializers.ValidationError(f"Must be at least {self.low.normalize():f}.")
        if number > self.high:
            raise serializers.ValidationError(f"Must be at most {self.high:f}.")
        return number


class MoneyField(ExactField):
    """An amount in the shop's currency, two decimals, on the wire a string."""

    class Meta:
        swagger_schema_fields: ClassVar = {
            "type": openapi.TYPE_STRING,
            "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,2})?$",
            "example": "1250.00",
        }

    def to_representation(self, value: Decimal) -> str:
        return money.format_money(value)


class PercentField(MoneyField):
    """A percentage with two decimals, on the wire a string."""

    high = Decimal("100.00")

    class Meta:
        swagger_schema_fields: ClassVar = {**MoneyField.Meta.swagger_schema_fields, "example": "16.00"}


class QuantityField(ExactField):
    """A quantity with up to three decimals, on the wire a number."""

    places = 3
    low = money.THOUSANDTH
    high = money.MAX_QUANTITY

    class Meta:
        swagger_schema_fields: ClassVar = {"type": openapi.TYPE_NUMBER, "example": 1.25}

    def to_representation(self, value: Decimal) -> int | float:
        return money.format_quantity(value)


class IdField(serializers.Field[int, Any, int, Any]):
    """The id of a record: a whole number, or its plain digits as text."""

    class Meta:
        swagger_schema_fields: ClassVar = {"type": openapi.TYPE_INTEGER, "example": 1}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | str) or not _ID.fullmatch(str(data)[:20]):
            raise serializers.ValidationError("The id of a record is needed: a whole number.")
        return int(data)

    def to_representation(self, value: Any) -> int:
        return int(getattr(value, "pk", value))


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that nobody knows; names in `ignored` are what the API itself sends back."""

    ignored: ClassVar[frozenset[str]] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields and name not in self.ignored]
            if unknown:
                raise serializers.ValidationError(
                    {name: ["This field is not known here."] for name in unknown}
                )
        return super().to_internal_value(data)


class NoCardNumbers(serializers.Serializer[Any]):
    """What people type is looked at before it is taken: a card number is refused unread.

    The codes of goods are not: every tenth long barcode would pass for a card. Passwords are kept as hashes.
    """

    codes: ClassVar[frozenset[str]] = frozenset({"barcode", "sku", "csv", "password"})

    def looked_at(self, data: Mapping[str, Any]) -> Iterable[str]:
        """The names whose values are looked at."""
        return [name for name in data if name in self.fields and name not in self.codes]

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            refused = [name for name in self.looked_at(data) if _is_card_number(data[name])]
            if refused:
                raise serializers.ValidationError({name: [card_numbers.REFUSED] for name in refused})
        return super().to_internal_value(data)


def _is_card_number(value: Any) -> bool:
    # A text field takes a whole number, too.
    if isinstance(value, int) and not 10**12 < value < 10**19:
        return False
    return isinstance(value, str | int) and card_numbers.card_number_in(str(value))
