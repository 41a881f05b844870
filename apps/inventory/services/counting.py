"""Counting the goods while the tills go on selling. Call inside a transaction.

Locks: whoever counts shares the count's row, whoever completes, cancels or changes it has it alone; then the product,
then its stock. So a line is wholly in a completed count or refused, and never written beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.core.locking import locked, locked_shared, require_transaction
from apps.inventory import selectors
from apps.inventory.errors import (
    CountCancelled,
    CountCompleted,
    CountNotFound,
    CountOutrun,
    InsufficientStock,
)
from apps.inventory.models import CountLine, Movement, StockCount
from apps.inventory.services.moving import Occasion, adjust_stock
from apps.products import barcodes
from apps.products.errors import ProductNotFound
from apps.products.models import Product, StockLevel

Status = StockCount.Status
# What a count that is over answers; the other state takes lines and ends in one of these.
REFUSALS = {Status.COMPLETED: CountCompleted, Status.CANCELLED: CountCancelled}


@dataclass(frozen=True)
class Counted:
    """So much of one product, in its unit; the product is named by its id or by a scanned code."""

    quantity: Decimal
    product_id: int | None = None
    barcode: str = ""
    notes: str = ""


def start_count(fields: Mapping[str, Any], *, user_id: int, now: datetime) -> StockCount:
    """A new count; `fields` are `description`, `notes` and `blind`."""
    require_transaction()
    return StockCount.objects.create(**fields, started_by_id=user_id, started_at=now)


def describe_count(count_id: int, fields: Mapping[str, str]) -> None:
    """Changes `description` or `notes`. Raises `CountNotFound`, `CountCompleted`, `CountCancelled`."""
    count = _open(locked(StockCount.objects.filter(pk=count_id)))
    for name, value in fields.items():
        setattr(count, name, value)
    count.save(update_fields=list(fields))


def count_product(count_id: int, counted: Counted, *, user_id: int, now: datetime) -> tuple[int, bool]:
    """Writes what was counted beside the stock of this moment; the id of the line, and whether it is new.

    A line of the same product is replaced. A sale under way is waited for: its goods may have left the shelf. Raises
    `CountNotFound`, `CountCompleted`, `CountCancelled` and `ProductNotFound`.
    """
    count = _open(locked_shared(StockCount.objects.filter(pk=count_id)))
    product = _product(counted)
    level = locked(StockLevel.objects.filter(pk=product.pk)).get()
    is_new = not CountLine.objects.filter(count=count, product=product).exists()
    line = CountLine(
        count=count,
        product=product,
        system_quantity=level.quantity,
        physical_quantity=counted.quantity,
        notes=counted.notes,
        counted_by_id=user_id,
        counted_at=now,
    )
    return _written(line), is_new


def complete_count(count_id: int, *, user_id: int, now: datetime) -> None:
    """Adds every variance to the stock as it is by now, however many lines, in the same few statements.

    Raises `CountNotFound`, `CountCompleted`, `CountCancelled`, and `CountOutrun` where more is missing than is there.
    """
    count = _open(locked(StockCount.objects.filter(pk=count_id)))
    variances = dict(selectors.variances(count.pk))
    if variances:
        _apply(count, variances, user_id, now)
    _end(count, Status.COMPLETED, user_id, now)


def cancel_count(count_id: int, *, user_id: int, now: datetime) -> None:
    """Gives the count up; no stock moves. Raises `CountNotFound`, `CountCompleted`, `CountCancelled`."""
    count = _open(locked(StockCount.objects.filter(pk=count_id)))
    _end(count, Status.CANCELLED, user_id, now)


def _open(found: Iterable[StockCount]) -> StockCount:
    """The one that was locked, when it still goes on."""
    count = next(iter(found), None)
    if count is None:
        raise CountNotFound
    if refusal := REFUSALS.get(Status(count.status)):
        raise refusal(count.count_number)
    return count


def _product(counted: Counted) -> Product:
    """Inactive ones too: they may lie on the shelf. Locked before its stock, as everywhere, against a removal."""
    if counted.product_id is not None:
        wanted, missing = Product.objects.filter(pk=counted.product_id), "There is no such product."
    else:
        key = barcodes.lookup_key(barcodes.clean(counted.barcode))
        wanted = Product.objects.filter(barcode_key=key)
        missing = f"No product has the barcode {counted.barcode[:64]}."
    product = locked(wanted.only("pk")).first()
    if product is None:
        raise ProductNotFound(missing)
    return product


def _written(line: CountLine) -> int:
    """The id of the line, which takes the place of an earlier one of the same product."""
    (written,) = CountLine.objects.bulk_create(
        [line],
        update_conflicts=True,
        unique_fields=["count", "product"],
        update_fields=["system_quantity", "physical_quantity", "notes", "counted_by", "counted_at"],
    )
    return int(written.pk)


def _apply(count: StockCount, variances: Mapping[int, Decimal], user_id: int, now: datetime) -> None:
    occasion = Occasion(
        Movement.Type.ADJUSTMENT,
        user_id,
        now,
        reference=count.count_number,
        cause=f"count:{count.pk}",
        notes=f"Stock count: {count.description}".removesuffix(": "),
    )
    try:
        adjust_stock(variances, occasion)
    except InsufficientStock as error:
        raise CountOutrun(error.shortages) from None


def _end(count: StockCount, status: StockCount.Status, user_id: int, now: datetime) -> None:
    count.status, count.completed_by_id, count.completed_at = status, user_id, now
    count.save(update_fields=["status", "completed_by", "completed_at"])
