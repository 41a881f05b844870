"""What the tills were told against what the database holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.faults.harness.database import Database
from tests.faults.harness.tills import Request, Tills

STORED = "SELECT notes, id, sale_number, receipt, total, status FROM sales_sale"
RECEIPTS = "SELECT count(receipt), coalesce(max(receipt), 0) FROM sales_sale"


@dataclass(frozen=True)
class Figures:
    """Keys of sales, except `gaps`, a number of receipts, and `statuses`, of all answers (0: none came)."""

    started: int
    acknowledged: int
    refused: int
    open: list[str]  # without a final answer
    lost: list[str]  # acknowledged, and not there
    doubled: list[str]
    changed: list[str]  # there with another number, receipt, total or state than was acknowledged
    foreign: list[str]  # there, and nobody asked for it
    gaps: int
    statuses: Counter[int]

    def assert_nothing_lost(self) -> None:
        wrong = {
            name: getattr(self, name) for name in ("open", "lost", "doubled", "changed", "foreign", "gaps")
        }
        assert not any(wrong.values()), wrong
        assert self.acknowledged, self.statuses
        # Not known is 503; a bug is 500.
        assert not self.statuses[500], self.statuses

    def told(self) -> str:
        return (
            f"{self.acknowledged:,} acknowledged; {len(self.lost)} lost, {len(self.doubled)} doubled, "
            f"{len(self.changed)} changed, {self.gaps} gaps"
        )


def compared(tills: Tills, database: Database, besides: Sequence[str] = ()) -> Figures:
    """Call it when the tills have closed and the database runs. `besides` are the notes of sales by somebody else."""
    there = Counter[str]()
    stored: dict[str, Mapping[str, Any]] = {}
    for key, number, sale_number, receipt, total, status in database.rows(STORED):
        there[key] += 1
        stored[key] = {
            "id": number,
            "sale_number": sale_number,
            "receipt_number": None if receipt is None else f"{receipt:06d}",
            "total": total,
            "status": status,
        }
    given, last = database.rows(RECEIPTS)[0]
    sales = tills.sales
    known = {*besides, *(sale.key for sale in sales)}
    return Figures(
        started=len(sales),
        acknowledged=sum(sale.acknowledged for sale in sales),
        refused=sum(sale.status is not None and not sale.acknowledged for sale in sales),
        open=[sale.key for sale in tills.requests if sale.status is None],
        lost=[sale.key for sale in sales if sale.acknowledged and not there[sale.key]],
        doubled=[key for key, count in there.items() if count > 1],
        changed=[sale.key for sale in sales if sale.key in stored and not _as_told(sale, stored[sale.key])],
        foreign=[key for key in there if key not in known],
        gaps=last - given,
        statuses=tills.statuses(),
    )


def _as_told(sale: Request, stored: Mapping[str, Any]) -> bool:
    """A sale that was to be paid by phone goes on after it was acknowledged: only what cannot change is compared."""
    if not sale.acknowledged:
        return sale.status is None  # it was refused, yet it is there
    paid = "amount_paid" in sale.body
    told = {**sale.answer, "total": Decimal(sale.answer["total"])}
    names = ("id", "sale_number", "total", *(("receipt_number", "status") if paid else ()))
    return all(told[name] == stored[name] for name in names)
