"""The one interface of all gateways, and the values that cross it.

Amounts are `Decimal` in the major unit of the currency (shillings), phone numbers E.164 digits without the plus
sign (`254712345678`), times aware. Values are frozen; a gateway keeps no state of its own besides its settings.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """What the gateway says of a payment or refund."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    # It answered, but not with anything that may be acted upon: a person or a later answer decides.
    UNKNOWN = "unknown"


class Route(StrEnum):
    """Which of our addresses a message came to; for some messages only that tells what they are about."""

    CALLBACK = "callback"
    RESULT = "result"  # the outcome of a refund
    TIMEOUT = "timeout"  # the refund was left lying in the gateway's queue: its outcome is unknown
    STATUS = "status"  # the answer to a question about a transaction
    STATUS_TIMEOUT = "status-timeout"  # that question was left lying


class About(StrEnum):
    """What a message is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    RECEIPT = "receipt"  # the missing receipt of a payment that is known to have succeeded
    OTHER = "other"  # well-formed, none of our business


@dataclass(frozen=True)
class Capabilities:
    """What a gateway can do; to be asked before anything is begun."""

    label: str  # `M-Pesa`
    needs_phone: bool  # the payer is asked on this phone
    whole_units: bool  # no cents
    hosted_page: bool  # the payer is sent to `Result.payment_url`
    minimum: Decimal  # of one payment
    maximum: Decimal  # of one payment
    currencies: frozenset[str]  # empty: any
    refunds: bool  # it can send money back
    partial_refunds: bool  # also less than the whole payment
    # A callback that carries our token, the gateway's id and the amount is proof; otherwise it only says: ask.
    callback_is_proof: bool
    # The gateway can be asked about `Attempt.reference` even when it never answered the start.
    query_by_reference: bool
    least_partial_refund: Decimal = Decimal("0.01")


@dataclass(frozen=True)
class ChargeOrder:
    """Ask the payer for `amount`."""

    reference: str  # our unique name of the attempt, letters and digits and `-`
    amount: Decimal
    currency: str
    callback_url: str  # unguessable, belongs to this attempt only
    account: str  # what the payer reads: short, letters and digits
    description: str
    phone_number: str = ""
    email: str = ""


@dataclass(frozen=True)
class Attempt:
    """A payment that was begun before."""

    reference: str
    gateway_id: str  # empty when the gateway's answer never came
    amount: Decimal
    currency: str
    started_at: datetime
    receipt: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RefundOrder:
    """Send `amount` of a settled payment back. The same order is used to ask for the refund's outcome."""

    reference: str  # our unique name of the refund; UUID-like, at most 40 characters
    payment: Attempt
    amount: Decimal
    currency: str
    phone_number: str
    reason: str
    requested_at: datetime
    result_url: str
    timeout_url: str
    status_url: str
    status_timeout_url: str
    gateway_id: str = ""  # the gateway's id of the refund once it is known
    details: Mapping[str, str] = field(default_factory=dict)  # of `Result` when it was sent
    sent_at: datetime | None = None  # when it was handed to the gateway; None before that


@dataclass(frozen=True)
class Result:
    """What the gateway answered.

    `code` is the gateway's own, `message` a sentence for the cashier. `gateway_id` names the transaction at the
    gateway, `receipt` is what the customer got. `amount` and `currency` are what the gateway says was paid, None
    and empty where it does not say. `absent`: the gateway surely never received what is asked about.
    `details` is kept with the payment; no secrets, no card data beyond brand and last four digits.
    """

    status: Status
    code: str = ""
    message: str = ""
    gateway_id: str = ""
    receipt: str = ""
    amount: Decimal | None = None
    currency: str = ""
    payment_url: str = ""
    absent: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """What a message to our webhook says. None of it is believed yet.

    `gateway_id` and `reference` name what it is about, as the message does; either may be empty.
    """

    about: About
    result: Result
    gateway_id: str = ""
    reference: str = ""
    phone_number: str = ""


class Gateway(ABC):
    """One way to take money through somebody else.

    Every method that calls out raises `NotSent` (`RateLimited`), `OutcomeUnknown` or `Misconfigured`; a refusal of
    the payment itself is a `Result`. Nothing is ever sent twice by itself unless it surely was not sent, or a
    rejected access token has been renewed.
    """

    method: str  # `mpesa`, `airtel`, `card`
    environment: str  # `sandbox`, `production`; kept with every payment

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities: ...

    @abstractmethod
    def id_of(self, reference: str) -> str:
        """The gateway's id of the attempt where we choose it ourselves, else empty."""

    @abstractmethod
    def start(self, order: ChargeOrder) -> Result:
        """Ask the payer. PENDING: the payer is being asked (or the page is open); DECLINED: it never began."""

    @abstractmethod
    def query(self, attempt: Attempt) -> Result:
        """Ask for the outcome. A result without an answer is PENDING; an answer nobody knows is UNKNOWN."""

    @abstractmethod
    def refund(self, order: RefundOrder) -> Result:
        """Send money back. Mostly PENDING: the outcome comes later."""

    @abstractmethod
    def query_refund(self, order: RefundOrder) -> Result:
        """Ask for the outcome of a refund. May answer PENDING and deliver the outcome to `status_url`."""

    def request_receipt(self, attempt: Attempt, status_url: str, status_timeout_url: str) -> bool:
        """Ask for the missing receipt of a payment that succeeded; False where the gateway has no such thing."""
        return False

    @abstractmethod
    def authentic(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool | None:
        """Whether the signature of a message holds; None where the gateway signs nothing. Header names lower-case."""

    @abstractmethod
    def read(self, route: Route, body: bytes) -> Notice:
        """The meaning of a message. Raises `BadCallback` when it is not JSON or not of the gateway's shape."""

    @property
    @abstractmethod
    def acknowledgement(self) -> Mapping[str, object]:
        """The JSON that tells the gateway that its message has arrived."""
