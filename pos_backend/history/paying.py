"""How sales are paid, and what goes back afterwards."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random

from apps.core import money
from apps.core.clock import local_date
from apps.payments.states import Method, RefundStatus, Status
from pos_backend.demo.week import NOTES
from pos_backend.history.baskets import endless, one_of
from pos_backend.history.rhythm import at

METHODS = {Method.CASH: 48, Method.MPESA: 37, Method.AIRTEL: 5, Method.CARD: 8, Method.BANK: 2}
PHONES = (Method.MPESA, Method.AIRTEL)
SPLIT_SHARE, REFUSED_SHARE = 0.02, 0.04
# Above this nobody pays at the till; it is also within what every gateway takes.
MOST = Decimal(100_000)
ANSWERS = {Method.MPESA: (6, 40), Method.AIRTEL: (8, 45), Method.CARD: (15, 60)}  # seconds
TRANSFERS = (20, 300)  # minutes
REFUSALS = (
    (Status.CANCELLED, "1032", "The customer cancelled the request."),
    (Status.FAILED, "1037", "The phone could not be reached, or nobody answered."),
    (Status.FAILED, "1", "There is not enough money in the account."),
)
REFUNDED_SHARE, FULL_SHARE, IN_CASH_SHARE = 0.016, 0.55, 0.25
REASONS = ("Wrong size", "Broken", "Past its date", "Charged twice", "The customer changed their mind")
SHILLING = Decimal(1)


@dataclass(slots=True)
class Attempt:
    """One payment as it was begun and as it ended."""

    method: Method
    amount: Decimal
    begun: datetime
    ended: datetime
    tendered: Decimal | None = None
    status: Status = Status.SUCCESS
    error_code: str = ""
    error_message: str = ""

    @property
    def change(self) -> Decimal:
        return money.ZERO if self.tendered is None else self.tendered - self.amount


@dataclass(slots=True)
class Refund:
    """Part or all of an attempt, sent back by `method`."""

    attempt: Attempt
    method: Method
    amount: Decimal
    reason: str
    requested: datetime
    approved: datetime
    completed: datetime
    status: RefundStatus = RefundStatus.COMPLETED


class Purse:
    """Decides how customers pay; the same for the same `random`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._methods = endless(METHODS, random)
        self._notes = endless({Decimal(note): weight for note, weight in NOTES.items()}, random)

    def pay(self, total: Decimal, when: datetime) -> list[Attempt]:
        """Attempts that together settle `total`, one after the other."""
        if not total:
            return []
        method = Method.BANK if total > MOST else next(self._methods)
        attempts: list[Attempt] = []
        if self._random.random() < SPLIT_SHARE and total >= 2:
            attempts.append(self._cash(total // 2, when))
        elif method in PHONES and total % 1:
            # Phones send whole shillings; the cents are paid in cash first.
            attempts.append(self._cash(total % 1, when))
        rest = total - sum((attempt.amount for attempt in attempts), money.ZERO)
        if rest % 1 and method in PHONES:
            method = Method.CARD
        return attempts + self._settle(rest, method, when)

    def _settle(self, amount: Decimal, method: Method, when: datetime) -> list[Attempt]:
        if not amount:
            return []
        if method is Method.CASH:
            return [self._cash(amount, when)]
        attempt = self.ask(amount, method, when)
        if method in PHONES and self._random.random() < REFUSED_SHARE:
            self.refuse(attempt)
            return [attempt, self._cash(amount, attempt.ended)]
        return [attempt]

    def ask(self, amount: Decimal, method: Method, when: datetime) -> Attempt:
        """Begun a few seconds after the goods were scanned, answered after what each takes."""
        random = self._random
        begun = when + timedelta(seconds=2 + 10 * random.random())
        if method is Method.BANK:
            return Attempt(method, amount, begun, begun + timedelta(minutes=random.uniform(*TRANSFERS)))
        return Attempt(method, amount, begun, begun + timedelta(seconds=random.uniform(*ANSWERS[method])))

    def refuse(self, attempt: Attempt) -> None:
        attempt.status, attempt.error_code, attempt.error_message = one_of(REFUSALS, self._random)

    def _cash(self, amount: Decimal, when: datetime) -> Attempt:
        note = next(self._notes) or (SHILLING if amount % 1 else amount)
        tendered = (amount / note).to_integral_value(ROUND_CEILING) * note
        return Attempt(Method.CASH, amount, when, when, tendered)

    def refund(self, attempts: list[Attempt], completed: datetime, until: datetime) -> Refund | None:
        """What the customer came back with hours or days later, if they did by `until`."""
        if self._random.random() >= REFUNDED_SHARE:
            return None
        attempt = max((a for a in attempts if a.status == Status.SUCCESS), key=lambda a: a.amount)
        requested = self._comes_back(completed)
        approved = requested + timedelta(minutes=self._random.uniform(2, 240))
        amount = self._part(attempt.amount)
        method = self._way_back(attempt, amount)
        takes = 0.0 if method in (Method.CASH, Method.BANK) else self._random.uniform(5, 120)
        refund = Refund(
            attempt,
            method,
            amount,
            one_of(REASONS, self._random),
            requested,
            approved,
            approved + timedelta(seconds=takes),
        )
        if refund.completed > until:
            refund.status = RefundStatus.PENDING
        return refund if requested <= until else None

    def _comes_back(self, completed: datetime) -> datetime:
        later = self._random.randint(0, 4)
        if not later:
            return completed + timedelta(minutes=self._random.uniform(20, 120))
        opens = at(local_date(completed + timedelta(days=later)), 9)
        return opens + timedelta(hours=9 * self._random.random())

    def _part(self, paid: Decimal) -> Decimal:
        if paid < 2 or self._random.random() < FULL_SHARE:
            return paid
        return Decimal(self._random.randint(1, int(paid) - 1))

    def _way_back(self, attempt: Attempt, amount: Decimal) -> Method:
        if self._random.random() < IN_CASH_SHARE:
            return Method.CASH
        # Airtel Money sends whole payments back only.
        partly = attempt.method is Method.AIRTEL and amount != attempt.amount
        return Method.CASH if partly else attempt.method
