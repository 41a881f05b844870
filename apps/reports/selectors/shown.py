"""How figures look in a report, and the names that go with ids."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.conf import settings

from apps.core import money
from apps.products.models import Product
from apps.reports.periods import Period
from apps.users.models import User

NO_CATEGORY = "Uncategorised"
HUNDRED = Decimal(100)


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """`part` of `whole` with two decimals; of nothing it is none."""
    # + 0 turns -0.00 into 0.00: a loss of next to nothing.
    return money.round_money(part * HUNDRED / whole) + 0 if whole else money.ZERO


def percent(part: Decimal, whole: Decimal) -> str:
    """The same on the wire."""
    return money.format_money(percent_of(part, whole))


def heading(period: Period) -> dict[str, Any]:
    """What every report on a period begins with."""
    return {"start": period.first.isoformat(), "end": period.last.isoformat(), "currency": settings.CURRENCY}


def cashier_names(ids: Iterable[int]) -> dict[int, str]:
    """What people are called on receipts, in one statement."""
    return {user.pk: user.display_name for user in User.objects.defer("password").filter(pk__in=list(ids))}


def product_names(ids: Iterable[int]) -> dict[int, str]:
    """What products are called today, in one statement."""
    return dict(Product.objects.filter(pk__in=list(ids)).values_list("pk", "name"))


def category_label(name: str) -> str:
    return name or NO_CATEGORY
