"""What was bought, and what it costs: the inputs of the month, read from files."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).parent
DEMO = HERE.parents[2] / "pos_backend" / "demo"

Basket = tuple[str, ...]
"""SKUs, each once."""


@dataclass(frozen=True)
class Good:
    """A line of the catalogue; `left` is what is to be in stock beyond what the month sells."""

    sku: str
    barcode: str
    name: str
    category: str
    price: Decimal
    cost: Decimal
    rate: Decimal
    left: Decimal
    threshold: Decimal


def goods() -> list[Good]:
    """The catalogue."""
    with (DEMO / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return [_good(row) for row in csv.DictReader(file)]


def _good(row: dict[str, str]) -> Good:
    return Good(
        sku=row["sku"],
        barcode=row["barcode"],
        name=row["name"],
        category=row["category"],
        price=Decimal(row["price"]),
        cost=Decimal(row["cost_price"]),
        rate=Decimal(row["tax"]),
        left=Decimal(row["stock"]),
        threshold=Decimal(row["low_stock_threshold"]),
    )


def baskets(every: int = 1) -> Sequence[Basket]:
    """Every so many of the month's baskets, in their order."""
    with (DEMO / "kinds.csv").open(encoding="utf-8", newline="") as file:
        skus = {row["kind"]: row["sku"] for row in csv.DictReader(file)}
    with gzip.open(HERE / "baskets.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [tuple(skus[kind] for kind in kinds) for kinds in csv.reader(file)][::every]
