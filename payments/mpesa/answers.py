"""What Daraja answers at once, and which of its refusals are whose business (fact sheet, section 3.2).

Refusals come in several envelopes: Daraja's `errorCode`, Apigee's `fault`, HTML or nothing. Their texts are looked
at only where one code is used for several things, and are never passed on: some echo the access token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from payments.base import Result, Status
from payments.errors import GatewayError, Misconfigured, NotSent, OutcomeUnknown, RateLimited
from payments.http import Answer
from payments.values import member, text_of

DUPLICATE = "500.002.1001"
RETRY_SECONDS = 60.0
_MAINTENANCE = "00.002.1001"
_LIMITS = frozenset({"500.003.02", "500.003.03"})
# Each product spells the rejected token in its own way.
_REJECTED_TOKENS = frozenset({"404.001.03", "400.003.01", "401.002.01", "401.001", "401.003.01"})
_BAD_FIELD = "400.002.02"
_REFUSALS = frozenset({400, 401, 403, 404, 405, 406, 413, 415, 422})
_FIELD = re.compile(r"invalid\s+([a-z]{1,40})", re.ASCII | re.IGNORECASE)
_CODE = re.compile(r"[0-9A-Za-z_.]{1,100}", re.ASCII)

_ADDRESSES = "Check PUBLIC_BASE_URL or MPESA_CALLBACK_URL: https, public, no refused words."
_SHORTCODES = "Check MPESA_SHORTCODE, MPESA_TILL_NUMBER and MPESA_TRANSACTION_TYPE."
_PASSKEY = "Check MPESA_SHORTCODE, MPESA_PASSKEY and MPESA_ENVIRONMENT."
_INITIATOR = "Check MPESA_INITIATOR_NAME, MPESA_INITIATOR_PASSWORD and MPESA_CERTIFICATE."
_FIELD_SETTINGS: Mapping[str, str] = {
    "callbackurl": _ADDRESSES,
    "resulturl": _ADDRESSES,
    "queuetimeouturl": _ADDRESSES,
    "businessshortcode": _SHORTCODES,
    "partyb": _SHORTCODES,
    "transactiontype": _SHORTCODES,
    "password": _PASSKEY,
    "timestamp": _PASSKEY,
    "receiverparty": "Check MPESA_SHORTCODE.",
    "partya": "Check MPESA_SHORTCODE and MPESA_B2C_SHORTCODE.",
    "initiator": _INITIATOR,
    "initiatorname": _INITIATOR,
    "securitycredential": _INITIATOR,
}
_TEXTS: tuple[tuple[str, str], ...] = (
    ("wrong credentials", f"M-Pesa refuses the password of the shortcode. {_PASSKEY}"),
    ("merchant does not exist", f"M-Pesa does not know this shortcode. {_SHORTCODES}"),
    ("unable to identify proxy", "M-Pesa has nothing at this address. Check MPESA_BASE_URL."),
)
_CODES: Mapping[str, str] = {
    "403.001": "The M-Pesa app may not use this service. Subscribe it to the product on the Daraja portal.",
    "404.001.01": "M-Pesa has nothing at this address. Check MPESA_BASE_URL.",
    "404.002.01": "M-Pesa has nothing at this address. Check MPESA_BASE_URL.",
    "404.003.01": "M-Pesa has nothing at this address. Check MPESA_BASE_URL.",
    "405.001": "M-Pesa does not take this request at this address. Check MPESA_BASE_URL.",
}
_UNSUBSCRIBED = (
    "The M-Pesa app (MPESA_CONSUMER_KEY) is not subscribed to this product. Add it on the Daraja portal."
)


@dataclass(frozen=True)
class Refusal:
    """The error envelope of an answer; empty where there is none. `text` may hold a token: keep it inside."""

    code: str
    text: str

    @property
    def field(self) -> str:
        """The field that Daraja finds invalid, in lower case."""
        found = _FIELD.search(self.text) if self.code == _BAD_FIELD else None
        return found.group(1).lower() if found else ""

    @property
    def locked(self) -> bool:
        """Another transaction holds the customer's phone."""
        return "unable to lock subscriber" in self.text

    @property
    def in_progress(self) -> bool:
        return "transaction is being processed" in self.text

    @property
    def unsubscribed(self) -> bool:
        """Looks like a rejected token, but a new one would not help."""
        return "apiproduct match" in self.text or "apiproductmatch" in self.code.lower()


def refusal_of(answer: Answer) -> Refusal:
    document = answer.document
    if isinstance(document.get("fault"), dict):
        code, text = (
            member(document, "fault", "detail", "errorcode"),
            member(document, "fault", "faultstring"),
        )
    else:
        code, text = document.get("errorCode"), document.get("errorMessage")
    found = _CODE.fullmatch(text_of(code))
    return Refusal(found.group() if found else "", text_of(text, 500).lower())


def accepted(answer: Answer) -> bool:
    """Taken for processing, which is not the same as done. Some products write the zero eight times."""
    return answer.status == 200 and bool(re.fullmatch("0+", response_code(answer)))


def response_code(answer: Answer) -> str:
    return text_of(answer.document.get("ResponseCode"), 40)


def token_rejected(answer: Answer) -> bool:
    """Whether a new access token may help; the call itself was surely not carried out."""
    refusal = refusal_of(answer)
    if refusal.unsubscribed:
        return False
    if refusal.code in _REJECTED_TOKENS or "invalid access token" in refusal.text:
        return True
    return answer.status == 401


def check_limit(answer: Answer) -> None:
    """Raises `RateLimited` when Daraja wants fewer requests."""
    code = refusal_of(answer).code
    by_apigee = "spikearrest" in code.lower() or "quotaviolation" in code.lower()
    if answer.status == 429 or code in _LIMITS or by_apigee:
        raise RateLimited("M-Pesa wants fewer requests. Wait a minute.", answer.retry_after or RETRY_SECONDS)


def refused(answer: Answer, cashier: Mapping[str, str]) -> Result:
    """The meaning of an answer that accepts nothing.

    `cashier` has the fields that a person at the till can change, with a sentence for each: those are declined.
    Raises `Misconfigured`, `NotSent` or `OutcomeUnknown` for everything else.
    """
    refusal = refusal_of(answer)
    if refusal.field in cashier:
        return Result(Status.DECLINED, code=refusal.code, message=cashier[refusal.field])
    if refusal.locked:
        sentence = (
            "Another M-Pesa request is still open on this phone. Wait one to three minutes, then try again."
        )
        return Result(Status.DECLINED, code=refusal.code, message=sentence)
    code = response_code(answer)
    if answer.status == 200 and code and not refusal.code and not accepted(answer):
        sentence = f"M-Pesa did not take the request (code {code}). Take another method, or try again later."
        return Result(Status.DECLINED, code=code, message=sentence)
    raise failure_of(answer)


def failure_of(answer: Answer) -> GatewayError:
    """What to raise for a refusal that is nobody's at the till."""
    refusal = refusal_of(answer)
    if refusal.code == _MAINTENANCE:
        return NotSent("M-Pesa is under maintenance. Take another method, or try again later.")
    sentence = _configuration_sentence(answer.status, refusal)
    if sentence:
        return Misconfigured(sentence)
    return OutcomeUnknown("M-Pesa gave no clear answer. Its outcome is being found out.")


def _configuration_sentence(status: int, refusal: Refusal) -> str:
    if refusal.unsubscribed:
        return _UNSUBSCRIBED
    for words, sentence in _TEXTS:
        if words in refusal.text:
            return sentence
    if refusal.field:
        advice = _FIELD_SETTINGS.get(refusal.field, "This is a fault of this program or its settings.")
        return f"M-Pesa refuses the field {refusal.field} of our request. {advice}"
    if refusal.code in _CODES:
        return _CODES[refusal.code]
    if refusal.code and (status in _REFUSALS or refusal.code.startswith("400.")):
        return f"M-Pesa refuses the form of our request (code {refusal.code}). Check the MPESA settings."
    return ""
