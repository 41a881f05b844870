"""What a rule of the books is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.core import money
from apps.core.clock import iso

# numeric(14,2) is money, everything finer is a quantity.
MONEY_EXPONENT = -2


@dataclass(frozen=True)
class Rule:
    """`name` says what must be true at every committed instant, `query` finds the rows for which it is not.

    `words` tells one such row to a shopkeeper, with the query's columns in braces.
    """

    name: str
    query: str
    words: str

    def told(self, found: Mapping[str, object]) -> str:
        return self.words.format_map({column: _shown(value) for column, value in found.items()})


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return str(iso(value))
    if isinstance(value, Decimal):
        is_money = value.as_tuple().exponent == MONEY_EXPONENT
        return money.format_money(value) if is_money else str(money.format_quantity(value))
    # What stands in a name must not steer the terminal.
    return "".join(c if c.isprintable() else "?" for c in str(value))
