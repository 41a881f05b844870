"""The codes of the collection API and what each allows us to conclude.

The same last digits mean something else in other families (`DP009…` pays out, `DP008…` collects), so a code is
only ever compared as a whole. A code that is not listed proves nothing.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Meaning(Enum):
    """What may be concluded."""

    PAID = auto()
    IN_PROCESS = auto()
    ALREADY_THERE = auto()  # our transaction id was received before
    AMBIGUOUS = auto()  # done or not done: ask
    NOT_FOUND = auto()
    DECLINED = auto()
    MISCONFIGURED = auto()
    UNSIGNED = auto()  # signature and body do not belong together; not looked at
    UNHEARD_OF = auto()


@dataclass(frozen=True)
class Verdict:
    """The meaning of a code and the sentence for the cashier, or for whoever keeps the settings."""

    meaning: Meaning
    sentence: str = ""


UNSIGNED_CODE = "DP00800001026"
# "Failed", of which step it does not say: for a push or an enquiry it decides nothing.
FAILED_RESULT_CODE = "ESB000011"
UNHEARD_OF = Verdict(Meaning.UNHEARD_OF)
_AMBIGUOUS = Verdict(Meaning.AMBIGUOUS)


def _declined(sentence: str) -> Verdict:
    return Verdict(Meaning.DECLINED, sentence)


def _misconfigured(sentence: str) -> Verdict:
    return Verdict(Meaning.MISCONFIGURED, sentence)


_REFUSED = _declined(
    "Airtel Money refused the payment. Ask the customer to call Airtel, or take another method."
)
_BAD_AMOUNT = _declined("Airtel Money does not accept this amount. Check it, or take another method.")
_BAD_PHONE = _declined("Airtel Money does not accept this phone number. Check it with the customer.")
_COUNTRY = _misconfigured("Airtel Money does not accept the country. Check AIRTEL_COUNTRY and the portal.")
_CURRENCY = _misconfigured("Airtel Money does not accept the currency. Check AIRTEL_CURRENCY and the portal.")
_PARTNER = _misconfigured("Airtel Money has not set up this merchant for collections. Ask Airtel to do so.")
_EXPIRED = _declined("The request on the customer's phone ran out of time. Ask whether to send it again.")

# `status.response_code`, or `status_code` of the router.
RESPONSE_CODES: dict[str, Verdict] = {
    "DP00800001000": _AMBIGUOUS,
    "DP00800001001": Verdict(Meaning.PAID),
    "DP00800001002": _declined("The customer entered a wrong PIN. Ask whether to send the request again."),
    "DP00800001003": _declined(
        "The amount is above what the customer's wallet may pay. Take another method."
    ),
    "DP00800001004": _declined("The amount is below the least that Airtel Money takes. Take another method."),
    "DP00800001005": _declined("The customer did not enter the PIN. Ask whether to send the request again."),
    "DP00800001006": Verdict(Meaning.IN_PROCESS),
    "DP00800001007": _declined("The customer's Airtel Money balance is too low. Take another method."),
    "DP00800001008": _REFUSED,
    "DP00800001009": _REFUSED,
    "DP00800001010": _misconfigured(
        "Airtel Money has barred this merchant or does not know it. Call Airtel."
    ),
    "DP00800001024": Verdict(Meaning.AMBIGUOUS, _EXPIRED.sentence),
    "DP00800001025": Verdict(Meaning.NOT_FOUND),
    UNSIGNED_CODE: Verdict(
        Meaning.UNSIGNED, "Airtel Money refuses the signature of the request. Check AIRTEL_MESSAGE_SIGNING."
    ),
    "DP00800001029": _EXPIRED,
    # Of the family that pays out, but seen as the answer to plainly invalid requests.
    "DP00900001004": _BAD_AMOUNT,
    "DP00900001013": _declined("Airtel Money refused the request as invalid. Check phone number and amount."),
    "ROUTER001": _PARTNER,
    "ROUTER003": _misconfigured("Airtel Money misses a header or body. Check AIRTEL_BASE_URL and any proxy."),
    "ROUTER005": _COUNTRY,
    "ROUTER006": _COUNTRY,
    "ROUTER007": _COUNTRY,
    "ROUTER110": _PARTNER,
    "ROUTER112": _CURRENCY,
    "ROUTER117": _AMBIGUOUS,
    "ROUTER119": _CURRENCY,
    "CONNECTION_TIMEOUT": _AMBIGUOUS,
}

# `status.result_code`: used when the code above says nothing definite.
RESULT_CODES: dict[str, Verdict] = {
    "ESB000001": _AMBIGUOUS,
    "ESB000004": _AMBIGUOUS,
    "ESB000008": _AMBIGUOUS,
    "ESB000014": _AMBIGUOUS,
    "ESB000033": _BAD_PHONE,
    "ESB000034": _COUNTRY,
    "ESB000035": _CURRENCY,
    "ESB000036": _BAD_PHONE,
    "ESB000039": _PARTNER,
}
# These come together with the ambiguous response code and yet are definite.
DECISIVE_RESULT_CODES: dict[str, Verdict] = {
    "ESB000041": Verdict(Meaning.ALREADY_THERE),
    "ESB000045": Verdict(Meaning.NOT_FOUND),
}


def verdict(response_code: str, result_code: str) -> Verdict:
    """What the two codes of an answer allow to conclude; either may be empty."""
    decisive = DECISIVE_RESULT_CODES.get(result_code)
    if decisive:
        return decisive
    by_response = RESPONSE_CODES.get(response_code)
    if by_response and by_response.meaning is not Meaning.AMBIGUOUS:
        return by_response
    return RESULT_CODES.get(result_code) or by_response or UNHEARD_OF


def cashier_sentence(response_code: str) -> str:
    """Why a payment failed that Airtel calls failed."""
    known = RESPONSE_CODES.get(response_code)
    return (
        known and known.sentence
    ) or "Airtel Money did not take the payment. Try again, or another method."
