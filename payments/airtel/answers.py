"""What Airtel's answers mean. `status.success` is never looked at: it is false on payments that succeeded."""

from dataclasses import dataclass
from typing import Any

from payments.airtel.codes import FAILED_RESULT_CODE, Meaning, Verdict, cashier_sentence, verdict
from payments.base import Result, Status
from payments.errors import Misconfigured, OutcomeUnknown, RateLimited
from payments.http import Answer
from payments.values import member, text_of

# Answers of something in front of Airtel, or of Airtel giving up on itself. What happened behind it is open.
_LOST = frozenset({408, 502, 503, 504})
_TAKEN_IN = frozenset({"SUCCESS", "TIP", "TA", "TS"})
_NO_CLEAR_ANSWER = "Airtel Money gave no clear answer. Its outcome is being found out."
_WAITING = "The customer is being asked on the phone."


@dataclass(frozen=True)
class Said:
    """The parts of an answer that decide, whichever of Airtel's four envelopes they came in."""

    transaction_id: str
    transaction_status: str  # TS, TF, TE, TIP, TA, TR; SUCCESS when a request was taken in
    money_id: str
    response_code: str
    result_code: str

    @property
    def code(self) -> str:
        return self.response_code or self.result_code or self.transaction_status

    @property
    def verdict(self) -> Verdict:
        return verdict(self.response_code, self.result_code)


def said(document: dict[str, Any]) -> Said:
    def of_transaction(name: str, longest: int = 64) -> str:
        return text_of(member(document, "data", "transaction", name), longest)

    codes = member(document, "status", "response_code") or document.get("status_code")
    return Said(
        transaction_id=of_transaction("id", 200),
        transaction_status=of_transaction("status").rstrip(".").upper(),
        money_id=of_transaction("airtel_money_id"),
        response_code=text_of(codes, 40),
        result_code=text_of(member(document, "status", "result_code"), 40),
    )


def refuse_at_the_door(answer: Answer) -> None:
    """Raises where the HTTP status alone says that nothing was done."""
    if answer.status == 429:
        raise RateLimited("Airtel Money wants fewer requests. Wait a minute.", answer.retry_after or 60.0)
    if answer.status in (401, 403):
        raise Misconfigured("Airtel Money refuses our access. Check the AIRTEL_ settings and the portal.")
    if answer.status in (404, 405) and not answer.document:
        raise Misconfigured("Airtel Money is not at this address. Check AIRTEL_BASE_URL.")


def started(answer: Answer, our_id: str) -> Result:
    """The answer to a push: whether the customer is being asked. It is never a payment."""
    refuse_at_the_door(answer)
    said_now = said(answer.document)
    if answer.status in _LOST:
        raise OutcomeUnknown(_NO_CLEAR_ANSWER)
    if said_now.transaction_status in _TAKEN_IN:
        return Result(Status.PENDING, said_now.code, _WAITING, gateway_id=our_id)
    found = said_now.verdict
    if found.meaning in (Meaning.PAID, Meaning.IN_PROCESS, Meaning.ALREADY_THERE):
        return Result(Status.PENDING, said_now.code, _WAITING, gateway_id=our_id)
    if found.meaning is Meaning.DECLINED:
        return Result(Status.DECLINED, said_now.code, found.sentence, gateway_id=our_id)
    if found.meaning in (Meaning.MISCONFIGURED, Meaning.UNSIGNED):
        raise Misconfigured(found.sentence)
    raise OutcomeUnknown(_NO_CLEAR_ANSWER)


def outcome(answer: Answer, our_id: str, *, settled_absence: bool) -> Result:
    """The answer to an enquiry.

    `settled_absence`: enough time has passed since the push to believe that Airtel does not know it.
    """
    refuse_at_the_door(answer)
    if answer.status in _LOST or (answer.status >= 500 and not answer.document):
        raise OutcomeUnknown(_NO_CLEAR_ANSWER)
    said_now = said(answer.document)
    if said_now.transaction_id and said_now.transaction_id != our_id:
        return _unknown("id_differs", "Airtel Money answered for another payment.", our_id)
    if said_now.transaction_status:
        return _by_status(said_now, our_id)
    return _by_code(said_now, our_id, settled_absence)


def _by_status(said_now: Said, our_id: str) -> Result:
    status = said_now.transaction_status
    if status in ("TIP", "TA"):
        return Result(Status.PENDING, status, _WAITING, gateway_id=our_id)
    if status not in ("TS", "TF", "TE", "TR"):
        return _unknown(status, "Airtel Money gave an answer that is not known.", our_id)
    if not said_now.transaction_id:
        # Nothing final is believed of an answer that does not say which payment it is about.
        return _unknown("id_missing", "Airtel Money did not say which payment it means.", our_id)
    if status == "TS":
        return Result(Status.SUCCEEDED, status, "Paid.", gateway_id=our_id, receipt=said_now.money_id)
    if status == "TR":
        return Result(
            Status.UNKNOWN,
            status,
            "Airtel Money has sent this payment back to the customer.",
            gateway_id=our_id,
            receipt=said_now.money_id,
            details={"reversed": "true"},
        )
    code = said_now.response_code or status
    sentence = cashier_sentence("DP00800001029" if status == "TE" else code)
    return Result(Status.DECLINED, code, sentence, gateway_id=our_id)


def _by_code(said_now: Said, our_id: str, settled_absence: bool) -> Result:
    found = said_now.verdict
    if found.meaning is Meaning.PAID and said_now.transaction_id:
        return Result(Status.SUCCEEDED, said_now.code, "Paid.", gateway_id=our_id, receipt=said_now.money_id)
    if found.meaning in (Meaning.IN_PROCESS, Meaning.AMBIGUOUS, Meaning.ALREADY_THERE):
        return Result(Status.PENDING, said_now.code, _WAITING, gateway_id=our_id)
    if found.meaning is Meaning.DECLINED:
        return Result(Status.DECLINED, said_now.code, found.sentence, gateway_id=our_id)
    if found.meaning is Meaning.MISCONFIGURED:
        raise Misconfigured(found.sentence)
    if found.meaning is Meaning.NOT_FOUND:
        return _not_found(our_id, settled_absence)
    return _unknown(said_now.code or "unreadable", "Airtel Money gave an answer that is not known.", our_id)


def _not_found(our_id: str, settled_absence: bool) -> Result:
    if not settled_absence:
        return Result(Status.PENDING, "not_found", _WAITING, gateway_id=our_id)
    sentence = "The request never reached Airtel Money. The customer was not asked; it may be sent again."
    return Result(Status.DECLINED, "not_found", sentence, gateway_id=our_id, absent=True)


def refunded(answer: Answer) -> Result:
    """The answer to a refund: taken in, refused, or (`OutcomeUnknown`) nobody knows."""
    refuse_at_the_door(answer)
    said_now = said(answer.document)
    if answer.status in _LOST:
        raise OutcomeUnknown(_NO_CLEAR_ANSWER)
    found = said_now.verdict
    if said_now.transaction_status in _TAKEN_IN or found.meaning in (Meaning.PAID, Meaning.IN_PROCESS):
        sentence = "Airtel Money has taken in the refund."
        return Result(Status.PENDING, said_now.code, sentence, gateway_id=said_now.money_id)
    # Nothing but this answer will ever tell of a failed refund, so the general code for failure counts here.
    failed = not said_now.response_code and said_now.result_code == FAILED_RESULT_CODE
    if found.meaning is Meaning.DECLINED or failed:
        sentence = "Airtel Money refused the refund. Look in its portal whether it was refunded before."
        return Result(Status.DECLINED, said_now.code, sentence)
    if found.meaning is Meaning.NOT_FOUND:
        return Result(
            Status.DECLINED, said_now.code, "Airtel Money does not know the payment to be refunded."
        )
    if found.meaning in (Meaning.MISCONFIGURED, Meaning.UNSIGNED):
        raise Misconfigured(found.sentence)
    raise OutcomeUnknown(_NO_CLEAR_ANSWER)


def _unknown(code: str, sentence: str, our_id: str) -> Result:
    return Result(Status.UNKNOWN, code, f"{sentence} An administrator has to look.", gateway_id=our_id)
