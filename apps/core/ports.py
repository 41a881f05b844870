"""The five calls that go up the house, bound by name in `settings.PORTS` (docs/adr/0003-ports.md).

A lower room cannot import an upper one, yet a new product opens its stock and another threshold may open or end an
alert (inventory), a checkout takes cash (payments), a sale shows its payments, and the worker closes days (reports).
Each port is typed here and bound once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string


class OpenStock(Protocol):
    """Gives new products their stock row and, where it is not zero, the opening movement."""

    def __call__(self, quantities: Mapping[int, Decimal], *, user_id: int | None, now: datetime) -> None: ...


class WatchStock(Protocol):
    """Opens, follows or ends the alerts of products whose threshold or `is_active` has just changed."""

    def __call__(self, product_ids: Collection[int], *, now: datetime) -> None: ...


class TakeCash(Protocol):
    """Records cash for a sale, completes the sale when that pays it; the payment as it appears on the wire."""

    def __call__(
        self, sale: Any, *, amount: Decimal, tendered: Decimal, user: Any, now: datetime
    ) -> dict[str, Any]: ...


class PaymentsOfSales(Protocol):
    """The payments of several sales as they appear on the wire, by sale id, in one statement."""

    def __call__(self, sale_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]: ...


class CloseDays(Protocol):
    """Adds up the days of the shop that are over (reports), which the worker does at night; how many it did."""

    def __call__(self) -> int: ...


@cache
def _bound(name: str) -> Any:
    return import_string(settings.PORTS[name])


def open_stock() -> OpenStock:
    return cast(OpenStock, _bound("open_stock"))


def watch_stock() -> WatchStock:
    return cast(WatchStock, _bound("watch_stock"))


def take_cash() -> TakeCash:
    return cast(TakeCash, _bound("take_cash"))


def payments_of_sales() -> PaymentsOfSales:
    return cast(PaymentsOfSales, _bound("payments_of_sales"))


def close_days() -> CloseDays:
    return cast(CloseDays, _bound("close_days"))
