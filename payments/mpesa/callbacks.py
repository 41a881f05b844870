"""What Daraja posts to our addresses (fact sheet, sections 4, 6 and 7). None of it is signed.

Every value may be missing, quoted, masked or of another type: what cannot be read is left empty. Only a body that
is no JSON object, or holds none of the known envelopes, raises `BadCallback`.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from payments.base import About, Notice, Result, Route, Status
from payments.errors import BadCallback
from payments.mpesa.codes import INITIATOR, STK, UNKNOWN
from payments.values import amount_of, callback_document, member, text_of

LONGEST_CODE = 40
LONGEST_RECEIPT = 40
_NOT_NAME = re.compile(r"[^a-z0-9]")
# `NLJ0000000`, `OA90000000`: sent where there is no transaction.
_PLACEHOLDER = re.compile(r"[A-Za-z0-9]{0,3}0{7,}")
_UNCLEAR = "M-Pesa has not said what came of it. It is being found out."

Values = Mapping[str, Any]


def read(route: Route, body: bytes) -> Notice:
    """The meaning of a message that came to `route`. Raises `BadCallback`."""
    return _READERS[route](callback_document(body))


def _payment(document: dict[str, Any]) -> Notice:
    """An STK callback; or a C2B message, where its address was registered as that one."""
    callback = member(document, "Body", "stkCallback")
    if not isinstance(callback, dict):
        return _customer_payment(document)
    fields = _members(callback)
    code, gateway_id = _text(fields, "ResultCode", LONGEST_CODE), _text(fields, "CheckoutRequestID")
    if not code and not gateway_id:
        raise BadCallback("The M-Pesa callback names neither a request nor an outcome.")
    meaning = STK.get(code, UNKNOWN)
    items = _pairs(fields.get("callbackmetadata"), "Name")
    paid = meaning.status is Status.SUCCEEDED
    result = Result(
        meaning.status,
        code=code,
        message=meaning.sentence,
        gateway_id=gateway_id,
        receipt=_receipt(items, "MpesaReceiptNumber") if paid else "",
        amount=amount_of(items.get("amount")) if paid else None,
        details=_present(
            merchant_request_id=_text(fields, "MerchantRequestID"),
            transaction_date=_text(items, "TransactionDate", LONGEST_CODE),
        ),
    )
    # The number may be masked: it is for the eye only.
    return Notice(
        About.PAYMENT, result, gateway_id=gateway_id, phone_number=_text(items, "PhoneNumber", LONGEST_CODE)
    )


def _customer_payment(document: dict[str, Any]) -> Notice:
    """A payment that the customer began. Confirmation and validation look alike, so its status stays unknown."""
    fields = _members(document)
    if not _text(fields, "TransID") or "transamount" not in fields:
        raise BadCallback("The body is no M-Pesa callback.")
    result = Result(
        Status.UNKNOWN,
        message="A customer paid without being asked. Look for it in the M-Pesa statement.",
        receipt=_receipt(fields, "TransID"),
        amount=amount_of(fields.get("transamount")),
        details=_present(
            transaction_type=_text(fields, "TransactionType"),
            transaction_date=_text(fields, "TransTime", LONGEST_CODE),
            shortcode=_text(fields, "BusinessShortCode", LONGEST_CODE),
        ),
    )
    return Notice(
        About.OTHER,
        result,
        reference=_text(fields, "BillRefNumber"),
        phone_number=_text(fields, "MSISDN", LONGEST_CODE),
    )


def _refund(document: dict[str, Any]) -> Notice:
    """The outcome of a reversal or of a B2C payment; success is the code "0" and nothing else.

    A documented success has the code 21 with a friendly text, so texts are not believed.
    """
    fields, parameters = _result(document)
    code = _text(fields, "ResultCode", LONGEST_CODE)
    meaning = INITIATOR.get(code, UNKNOWN)
    done = code == "0"
    result = Result(
        meaning.status,
        code=code,
        message=meaning.sentence,
        gateway_id=_text(fields, "ConversationID"),
        receipt=_refund_receipt(fields, parameters) if done else "",
        amount=_amount(parameters) if done else None,
        details=_present(
            originator_conversation_id=_text(fields, "OriginatorConversationID"),
            original_receipt=_receipt(parameters, "OriginalTransactionID"),
            transaction_date=_refund_date(parameters),
        ),
    )
    return _notice(About.REFUND, result, fields)


def _refund_timeout(document: dict[str, Any]) -> Notice:
    """A refund left lying: our own request (with the security credential) or a result. Never a failure."""
    return _unclear(About.REFUND, document)


def _status(document: dict[str, Any]) -> Notice:
    """The answer to a question about a transaction.

    The ids of the envelope are those of the question; the transaction's own are among the parameters.
    """
    fields, parameters = _result(document)
    code = _text(fields, "ResultCode", LONGEST_CODE)
    state = _text(parameters, "TransactionStatus")
    completed = code == "0" and state.lower() == "completed"
    result = Result(
        Status.SUCCEEDED if completed else Status.UNKNOWN,
        code=code,
        message="M-Pesa completed the transaction." if completed else _UNCLEAR,
        gateway_id=_text(parameters, "ConversationID"),
        receipt=_receipt(parameters, "ReceiptNo"),
        amount=_amount(parameters),
        details=_present(
            transaction_status=state,
            transaction_date=_text(parameters, "FinalisedTime", LONGEST_CODE),
            question_conversation_id=_text(fields, "ConversationID"),
        ),
    )
    return _notice(About.RECEIPT, result, parameters)


def _status_timeout(document: dict[str, Any]) -> Notice:
    return _unclear(About.OTHER, document)


def _unclear(about: About, document: dict[str, Any]) -> Notice:
    envelope = _members(document).get("result")
    fields = _members(envelope) if isinstance(envelope, dict) else _members(document)
    result = Result(
        Status.UNKNOWN, code="queue_timeout", message=_UNCLEAR, gateway_id=_text(fields, "ConversationID")
    )
    return _notice(about, result, fields)


def _notice(about: About, result: Result, fields: Values) -> Notice:
    reference = _text(fields, "OriginatorConversationID")
    return Notice(about, result, gateway_id=result.gateway_id, reference=reference)


def _result(document: dict[str, Any]) -> tuple[Values, Values]:
    """The members of the envelope `Result` and its parameters. Raises `BadCallback`."""
    envelope = _members(document).get("result")
    fields = _members(envelope) if isinstance(envelope, dict) else {}
    if not _text(fields, "ResultCode", LONGEST_CODE) and not _text(fields, "ConversationID"):
        raise BadCallback("The body is no M-Pesa result.")
    # One documented sample swaps the plural of the two names.
    return fields, _pairs(fields.get("resultparameters") or fields.get("resultparameter"), "Key")


def _pairs(container: Any, label: str) -> Values:
    """The name-value pairs somewhere in `container`: a list, a single pair, or either of them in one object.

    A name that comes twice keeps its first value; one without a value is left out.
    """
    if isinstance(container, dict) and label not in container:
        container = next((inner for inner in container.values() if isinstance(inner, dict | list)), None)
    found: dict[str, Any] = {}
    for pair in container if isinstance(container, list) else [container]:
        if isinstance(pair, dict) and pair.get("Value") is not None:
            found.setdefault(_name(text_of(pair.get(label))), pair["Value"])
    return found


def _members(document: dict[str, Any]) -> Values:
    return {_name(key): value for key, value in document.items()}


def _name(key: str) -> str:
    """Names are written with and without spaces."""
    return _NOT_NAME.sub("", key.lower())


def _text(fields: Values, name: str, longest: int = 200) -> str:
    return text_of(fields.get(_name(name)), longest)


def _receipt(fields: Values, name: str) -> str:
    receipt = _text(fields, name, LONGEST_RECEIPT)
    return "" if _PLACEHOLDER.fullmatch(receipt) else receipt


def _refund_receipt(fields: Values, parameters: Values) -> str:
    return _receipt(parameters, "TransactionReceipt") or _receipt(fields, "TransactionID")


def _refund_date(parameters: Values) -> str:
    return _text(parameters, "TransactionCompletedDateTime") or _text(parameters, "TransCompletedTime")


def _amount(parameters: Values) -> Decimal | None:
    return amount_of(parameters.get("transactionamount", parameters.get("amount")))


def _present(**details: str) -> dict[str, str]:
    return {name: value for name, value in details.items() if value}


_READERS: Mapping[Route, Callable[[dict[str, Any]], Notice]] = {
    Route.CALLBACK: _payment,
    Route.RESULT: _refund,
    Route.TIMEOUT: _refund_timeout,
    Route.STATUS: _status,
    Route.STATUS_TIMEOUT: _status_timeout,
}
