"""What the gateways remember: payments by phone and card, refunds, conversations."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from payments.simulator.modes import Mode

EAST_AFRICA = timezone(timedelta(hours=3))
_CAPITALS = string.ascii_uppercase + string.digits


@dataclass
class PhonePayment:
    """One prompt on one phone. `outcome` is empty while the prompt is open."""

    gateway: str
    id: str  # CheckoutRequestID, or Airtel's transaction id
    phone: str  # 2547...
    amount: int
    account: str
    mode: Mode
    payee: str = ""
    callback_url: str = ""
    merchant_id: str = ""
    outcome: str = ""
    receipt: str = ""
    asked: int = 0
    refunded: bool = False
    told_late: bool = False  # a late callback has gone out
    opened: datetime = field(default_factory=lambda: datetime.now(UTC))
    decided: datetime | None = None

    @property
    def national(self) -> str:
        return self.phone[-9:]

    @property
    def paid(self) -> bool:
        return self.outcome in ("0", "paid")

    @property
    def waits_for_person(self) -> bool:
        return not self.outcome and not self.mode.outcome


@dataclass
class Conversation:
    """A request of an initiator (reversal, B2C, status query), and what came of it."""

    originator_id: str
    id: str
    kind: str
    code: str = ""
    receipt: str = ""
    amount: int = 0
    original: str = ""
    party: str = ""


@dataclass
class CardPayment:
    """A charge at the card gateway. Amounts are minor units."""

    id: int
    reference: str
    access_code: str
    amount: int
    currency: str
    email: str
    callback_url: str
    metadata: Any
    mode: Mode
    status: str = "abandoned"  # what verify says of a page nobody has opened
    brand: str = "visa"
    asked: int = 0
    decided: bool = False  # somebody paid, was declined or left
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    paid_at: datetime | None = None


@dataclass
class CardRefund:
    """Money going back to a card."""

    id: int
    payment: CardPayment
    amount: int
    merchant_note: str
    customer_note: str
    mode: Mode
    status: str = "pending"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def counts(self) -> bool:
        """Whether the amount is gone or going."""
        return self.status not in ("failed", "needs-attention")


@dataclass
class State:
    """Everything that a reset forgets."""

    phone_payments: dict[str, PhonePayment] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)  # by both of their ids
    c2b_addresses: dict[str, dict[str, str]] = field(default_factory=dict)  # by shortcode
    direct_payments: dict[str, dict[str, str]] = field(default_factory=dict)  # C2B, by receipt
    refused_tokens: set[str] = field(default_factory=set)  # phones whose token was refused once
    cards: dict[str, CardPayment] = field(default_factory=dict)
    card_refunds: dict[int, CardRefund] = field(default_factory=dict)
    airtel_receipts: dict[str, str] = field(default_factory=dict)  # airtel_money_id: transaction id
    refunds_begun: set[str] = field(default_factory=set)  # Airtel transaction ids

    def by_receipt(self, receipt: str) -> PhonePayment | None:
        # A copy each time: others are begun meanwhile.
        payments = list(self.phone_payments.values())
        return next((p for p in payments if receipt and p.receipt == receipt), None)


def new_receipt() -> str:
    """Ten capitals and digits, as M-Pesa's are."""
    return "S" + "".join(secrets.choice(_CAPITALS) for _ in range(9))


def new_airtel_id() -> str:
    return f"MP{datetime.now(EAST_AFRICA):%y%m%d.%H%M}.L{secrets.randbelow(10**6):06d}"


def new_number() -> int:
    """An id as the gateways count them."""
    return 1_000_000_000 + secrets.randbelow(8_000_000_000)


def east_africa(format_: str = "%Y%m%d%H%M%S") -> str:
    return datetime.now(EAST_AFRICA).strftime(format_)


def zulu(moment: datetime | None) -> str | None:
    """`2026-03-01T06:31:02.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z") if moment else None
