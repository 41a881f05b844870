"""What the result codes of M-Pesa mean. Codes are text: most look like numbers, some do not.

Only codes are matched, never `ResultDesc`: its wording changes (fact sheet, section 4). The same number means
different things to a payer (STK push) and to an initiator (reversal, B2C), hence two tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from payments.base import Status


class Kind(StrEnum):
    """What may be done about an outcome."""

    SUCCESS = "success"
    PENDING = "pending"
    CANCELLED = "cancelled"
    FAILED = "failed"  # ask the payer
    TRANSIENT = "transient"  # a person may try again a little later
    CONFIGURATION = "configuration"  # it will fail again until a setting or the agreement is mended
    UNKNOWN = "unknown"


_STATUS: Mapping[Kind, Status] = {
    Kind.SUCCESS: Status.SUCCEEDED,
    Kind.PENDING: Status.PENDING,
    Kind.CANCELLED: Status.CANCELLED,
    Kind.FAILED: Status.DECLINED,
    Kind.TRANSIENT: Status.DECLINED,
    Kind.CONFIGURATION: Status.DECLINED,
    Kind.UNKNOWN: Status.UNKNOWN,
}


@dataclass(frozen=True)
class Meaning:
    """What a result code says, and what the cashier (or the owner) does next."""

    kind: Kind
    meaning: str
    advice: str = ""

    @property
    def status(self) -> Status:
        return _STATUS[self.kind]

    @property
    def sentence(self) -> str:
        return f"{self.meaning} {self.advice}".strip()


_LATER = "Wait one to three minutes, then ask the customer again."
_OTHER = "Change the amount or take another method."
_AGAIN = "Have the phone unlocked and in coverage, then ask the customer again."
_PRODUCT = (
    "Check MPESA_TRANSACTION_TYPE, MPESA_SHORTCODE and MPESA_TILL_NUMBER; meanwhile take another method."
)
_INITIATOR = "Check MPESA_INITIATOR_NAME, MPESA_INITIATOR_PASSWORD and MPESA_CERTIFICATE."
_PORTAL = (
    "Unlock or change the initiator in the M-Pesa organisation portal, then set MPESA_INITIATOR_PASSWORD."
)
_CASH = "Refund in cash, or reverse it in the M-Pesa organisation portal."

UNKNOWN = Meaning(
    Kind.UNKNOWN,
    "M-Pesa answered with a code that is not known.",
    "Look at the M-Pesa statement before anything is done.",
)

STK: Mapping[str, Meaning] = {
    "0": Meaning(Kind.SUCCESS, "Paid with M-Pesa."),
    "1": Meaning(Kind.FAILED, "The customer has not enough money in M-Pesa.", "Take another method."),
    "2": Meaning(Kind.FAILED, "The amount is below what M-Pesa takes.", _OTHER),
    "3": Meaning(Kind.FAILED, "The amount is above what M-Pesa takes in one payment.", _OTHER),
    "4": Meaning(Kind.FAILED, "The customer would exceed the daily M-Pesa limit.", _OTHER),
    "8": Meaning(Kind.FAILED, "The M-Pesa account would exceed its balance limit.", _OTHER),
    "17": Meaning(
        Kind.TRANSIENT,
        "M-Pesa could not carry out the payment, or saw too many like it.",
        "Wait at least two minutes, then ask the customer again.",
    ),
    "26": Meaning(Kind.TRANSIENT, "M-Pesa is busy.", _LATER),
    "1001": Meaning(Kind.TRANSIENT, "Another M-Pesa request is still open on this phone.", _LATER),
    "1019": Meaning(Kind.FAILED, "The request ran out before the customer answered.", _AGAIN),
    "1025": Meaning(Kind.TRANSIENT, "M-Pesa could not show the request on the phone.", _LATER),
    "1032": Meaning(
        Kind.CANCELLED, "The request was cancelled or closed on the phone.", "Ask the customer how to pay."
    ),
    "1036": Meaning(Kind.FAILED, "The phone did not confirm that it got the request.", _AGAIN),
    "1037": Meaning(Kind.FAILED, "The phone could not be reached, or nobody answered.", _AGAIN),
    "2001": Meaning(Kind.FAILED, "The customer typed a wrong M-Pesa PIN.", "Ask whether to try again."),
    "2028": Meaning(Kind.CONFIGURATION, "This shortcode may not take this kind of payment.", _PRODUCT),
    "4999": Meaning(Kind.PENDING, "M-Pesa is still waiting for the customer."),
    "8006": Meaning(Kind.CONFIGURATION, "The security credential of the shop is locked.", _PORTAL),
    "9999": Meaning(Kind.TRANSIENT, "M-Pesa could not send the request to the phone.", _LATER),
    "E3008": Meaning(
        Kind.CONFIGURATION,
        "The M-Pesa sandbox does not serve this number.",
        "Use a test number, or MPESA_ENVIRONMENT=production.",
    ),
    "SFC_IC0003": Meaning(Kind.CONFIGURATION, "M-Pesa does not know this till or paybill.", _PRODUCT),
}

# 17 is left out on purpose: it does not tell whether money moved, and money sent back twice is gone.
INITIATOR: Mapping[str, Meaning] = {
    "0": Meaning(Kind.SUCCESS, "M-Pesa sent the money back."),
    "1": Meaning(
        Kind.FAILED,
        "There is not enough money in the M-Pesa account of the shop.",
        "Top it up or refund in cash.",
    ),
    "2": Meaning(Kind.FAILED, "The amount is below what M-Pesa sends.", "Refund in cash."),
    "3": Meaning(Kind.FAILED, "The amount is above what M-Pesa sends at once.", _CASH),
    "4": Meaning(Kind.FAILED, "The daily M-Pesa limit would be exceeded.", "Try tomorrow or refund in cash."),
    "8": Meaning(Kind.FAILED, "The customer's M-Pesa account would exceed its limit.", "Refund in cash."),
    "11": Meaning(Kind.FAILED, "The M-Pesa account is not active.", _CASH),
    "21": Meaning(
        Kind.CONFIGURATION,
        "The initiator may not send this request.",
        "Give MPESA_INITIATOR_NAME the role for it in the M-Pesa organisation portal.",
    ),
    "26": Meaning(Kind.TRANSIENT, "M-Pesa is busy.", "Try the refund again in a few minutes."),
    "2001": Meaning(Kind.CONFIGURATION, "M-Pesa does not accept the initiator.", _INITIATOR),
    "2006": Meaning(Kind.FAILED, "The state of the M-Pesa account does not allow the refund.", _CASH),
    "2028": Meaning(
        Kind.CONFIGURATION,
        "This shortcode may not send this request.",
        "Check MPESA_SHORTCODE and MPESA_B2C_SHORTCODE.",
    ),
    "8006": Meaning(Kind.CONFIGURATION, "The security credential of the initiator is locked.", _PORTAL),
    "R000001": Meaning(Kind.SUCCESS, "M-Pesa had reversed this payment already."),
    "R000002": Meaning(Kind.FAILED, "M-Pesa does not know the receipt of the payment.", _CASH),
    "SFC_IC0003": Meaning(
        Kind.CONFIGURATION,
        "M-Pesa does not know this till or paybill.",
        "Check MPESA_SHORTCODE and MPESA_B2C_SHORTCODE.",
    ),
}
