"""M-Pesa's initiator APIs: reversal, B2C payment, transaction status. Their outcome arrives later."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from payments.simulator import daraja_fields as fields
from payments.simulator import daraja_messages as messages
from payments.simulator.daraja_token import require_token
from payments.simulator.keys import decrypt
from payments.simulator.modes import Mode
from payments.simulator.modes_mpesa import MODES, RESULTS
from payments.simulator.state import Conversation, PhonePayment, east_africa, new_receipt
from payments.simulator.web import DROPPED, UNAVAILABLE, Refusal, Reply, Request, compact, json_reply
from payments.simulator.world import World

Document = dict[str, Any]
Parameters = list[Document]

ADDRESSES = {"ResultURL": fields.url, "QueueTimeOutURL": fields.url}
REVERSAL = {
    "Initiator": fields.text(100),
    "SecurityCredential": fields.text(2000),
    "CommandID": fields.one_of("TransactionReversal"),
    "TransactionID": fields.text(20),
    "Amount": fields.AMOUNT,
    "ReceiverParty": fields.SHORTCODE,
    # The misspelling is Safaricom's; the right spelling is refused.
    "RecieverIdentifierType": fields.number("11"),
    **ADDRESSES,
    "Remarks": fields.text(100),
    "Occasion": fields.optional_text(100),
}
STATUS = {
    "Initiator": fields.text(100),
    "SecurityCredential": fields.text(2000),
    "CommandID": fields.one_of("TransactionStatusQuery"),
    "TransactionID": fields.optional_text(20),
    "OriginalConversationID": fields.optional_text(100),
    "PartyA": fields.SHORTCODE,
    "IdentifierType": fields.number("[124]"),
    **ADDRESSES,
    "Remarks": fields.text(100),
    "Occasion": fields.optional_text(100),
}
B2C = {
    "InitiatorName": fields.text(100),
    "SecurityCredential": fields.text(2000),
    "CommandID": fields.one_of("BusinessPayment", "SalaryPayment", "PromotionPayment"),
    "Amount": fields.AMOUNT,
    "PartyA": fields.SHORTCODE,
    "PartyB": fields.PHONE,
    "Remarks": fields.text(100, 2),
    **ADDRESSES,
    "Occassion": fields.optional_text(100),
}


def reversal(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request, "reversal")
    document = fields.document_of(request)
    fields.check(document, REVERSAL)
    if fields.digits(document["ReceiverParty"]) not in world.credentials.own_parties:
        raise fields.invalid("ReceiverParty")
    payment = world.state.by_receipt(document["TransactionID"])
    if payment is not None and payment.amount != int(document["Amount"]):
        raise fields.invalid("Amount")  # whether parts can be reversed is disputed: only the whole here
    mode = world.choices.take_refund("mpesa", payment.national, payment.mode) if payment else MODES["prompt"]
    conversation = _conversation(world, "reversal")
    conversation.amount = int(document["Amount"])
    conversation.original = document["TransactionID"]
    conversation.party = payment.phone if payment else ""

    def outcome() -> tuple[str, Parameters | None]:
        code = _credential_fault(world, document, "Initiator") or _reverse(world, payment, mode)
        conversation.receipt = new_receipt() if code == "0" else ""
        parameters = messages.reversal_parameters(conversation, world.credentials.mpesa_shortcode)
        return code, parameters if code == "0" else None

    return _carry_out(world, conversation, document, mode.refund, outcome)


def b2c(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request, "b2c")
    document = fields.document_of(request)
    own_id = ""
    if parts["version"] == "v3":
        fields.check(document, {"OriginatorConversationID": fields.text(100)})
        own_id = document["OriginatorConversationID"]
    fields.check(document, B2C)
    if fields.digits(document["PartyA"]) != world.credentials.mpesa_b2c_shortcode:
        raise fields.invalid("PartyA")
    phone = fields.digits(document["PartyB"])
    conversation = _conversation(world, "b2c", own_id)
    conversation.amount, conversation.party = int(document["Amount"]), phone
    mode = world.choices.take("mpesa", phone[-9:])

    def outcome() -> tuple[str, Parameters | None]:
        low = "2" if conversation.amount < 10 else "0"
        refused = mode.refund if mode.refund in RESULTS else low
        code = _credential_fault(world, document, "InitiatorName") or refused
        conversation.receipt = new_receipt() if code == "0" else ""
        return code, messages.b2c_parameters(conversation) if code == "0" else None

    return _carry_out(world, conversation, document, mode.refund, outcome)


def status(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request, "status")
    document = fields.document_of(request)
    fields.check(document, STATUS)
    if fields.digits(document["PartyA"]) not in {
        *world.credentials.own_parties,
        world.credentials.mpesa_b2c_shortcode,
    }:
        raise fields.invalid("PartyA")
    receipt, conversation_id = (
        document.get("TransactionID") or "",
        document.get("OriginalConversationID") or "",
    )
    if not receipt and not conversation_id:
        raise fields.invalid("TransactionID")
    payment = _payment(world, receipt, conversation_id)
    mode = world.choices.take_refund("mpesa", payment.national, payment.mode) if payment else MODES["prompt"]
    conversation = _conversation(world, "status")

    def outcome() -> tuple[str, Parameters | None]:
        found = _found(world, payment, receipt, conversation_id)
        code = _credential_fault(world, document, "Initiator") or ("0" if found else "R000002")
        return code, found if code == "0" else None

    return _carry_out(world, conversation, document, mode.status, outcome)


def _conversation(world: World, kind: str, own_id: str = "") -> Conversation:
    """A new conversation; an id that the shop made may be used once."""
    with world.lock:
        if own_id in world.state.conversations:
            raise Refusal(fields.error(500, "500.002.1001", "Duplicate OriginatorConversationID."))
        conversation = Conversation(
            originator_id=own_id or f"{secrets.randbelow(10**5)}-{secrets.randbelow(10**8)}-1",
            id=f"AG_{east_africa('%Y%m%d')}_{secrets.token_hex(10)}",
            kind=kind,
        )
        world.state.conversations[conversation.originator_id] = conversation
        world.state.conversations[conversation.id] = conversation
    return conversation


def _credential_fault(world: World, document: Mapping[str, Any], name: str) -> str:
    """2001 unless initiator and password are right. Only the result tells, not the answer."""
    password = decrypt("mpesa", document["SecurityCredential"])
    right = (world.credentials.mpesa_initiator, world.credentials.mpesa_initiator_password)
    return "" if (document[name], password) == right else "2001"


def _reverse(world: World, payment: PhonePayment | None, mode: Mode) -> str:
    if mode.refund in RESULTS:
        return mode.refund
    with world.lock:
        if payment is None:
            return "R000002"
        if payment.refunded:
            return "R000001"
        payment.refunded = mode.refund != "lost"
    return "0"


def _payment(world: World, receipt: str, conversation_id: str) -> PhonePayment | None:
    payments = list(world.state.phone_payments.values())
    return world.state.by_receipt(receipt) or next(
        (p for p in payments if conversation_id and conversation_id in (p.merchant_id, p.id)), None
    )


def _found(
    world: World, payment: PhonePayment | None, receipt: str, conversation_id: str
) -> Parameters | None:
    """What is known of a transaction: a prompt, a payment to the paybill, or money that was sent."""
    own = f"{world.credentials.mpesa_shortcode} - Simulated Shop"
    if payment is not None and payment.paid:
        customer = f"{payment.phone} - Simulated Customer"
        return messages.status_parameters(payment.receipt, payment.amount, "Completed", customer, own)
    direct = world.state.direct_payments.get(receipt)
    if direct is not None:
        customer = f"{direct['phone']} - Simulated Customer"
        return messages.status_parameters(receipt, int(direct["amount"]), "Completed", customer, own)
    for sent in list(world.state.conversations.values()):
        named = sent.id == conversation_id or sent.originator_id == conversation_id
        if sent.receipt and sent.code == "0" and (named or sent.receipt == receipt):
            customer = f"{sent.party} - Simulated Customer"
            return messages.status_parameters(sent.receipt, sent.amount, "Completed", own, customer)
    return None


def _carry_out(
    world: World,
    conversation: Conversation,
    document: Mapping[str, Any],
    way: str,
    outcome: Callable[[], tuple[str, Parameters | None]],
) -> Reply:
    """Accept the request now, do it and tell its outcome later, the way that the mode says."""
    if way == "html":
        return UNAVAILABLE

    def act() -> None:
        code, parameters = ("", None) if way == "lost" else outcome()
        conversation.code = code
        told = [] if way in ("silent", "lost") else _told(conversation, document, way, code, parameters)
        world.carry(
            *(
                world.deliveries.prepare(
                    "mpesa", conversation.id, f"{conversation.kind} {kind}", url, compact(body)
                )
                for kind, url, body in told
            )
        )

    if way == "first":
        act()
    else:
        world.later.after(world.pace.act, act)
    return DROPPED if way == "dropped" else _acknowledged(conversation)


def _told(
    conversation: Conversation,
    document: Mapping[str, Any],
    way: str,
    code: str,
    parameters: Parameters | None,
) -> list[tuple[str, str, Document]]:
    """(kind, address, body) of the messages about an outcome."""
    to_result, to_timeout = document["ResultURL"], document["QueueTimeOutURL"]
    if way == "echo":
        return [("timeout", to_timeout, dict(document))]
    if way == "timeout-result":
        return [("timeout", to_timeout, messages.result(conversation, "1"))]
    single = parameters[1] if way == "single" and parameters else None
    body = messages.result(conversation, code, single or parameters)
    if way == "swapped" and parameters:
        body["Result"]["ResultParameter"] = {"ResultParameters": parameters}
        del body["Result"]["ResultParameters"]
        body["Result"]["ResultCode"] = str(code)
    return [("result", to_result, body)] * (3 if way == "duplicate" else 1)


def _acknowledged(conversation: Conversation) -> Reply:
    return json_reply(
        {
            "OriginatorConversationID": conversation.originator_id,
            "ConversationID": conversation.id,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
    )
