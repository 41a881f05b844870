"""Payments that customers make to the paybill or till themselves (C2B)."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payments.simulator import daraja_fields as fields
from payments.simulator.daraja_token import require_token
from payments.simulator.delivery import Delivery
from payments.simulator.state import PhonePayment, east_africa, new_receipt
from payments.simulator.web import Refusal, Reply, Request, compact, json_reply
from payments.simulator.world import World

REGISTER = {
    "ShortCode": fields.SHORTCODE,
    "ResponseType": fields.one_of("Completed", "Cancelled"),
    "ConfirmationURL": fields.url,
    "ValidationURL": fields.url,
}
SIMULATE = {
    "ShortCode": fields.SHORTCODE,
    "CommandID": fields.one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
    "Amount": fields.AMOUNT,
    "Msisdn": fields.PHONE,
    "BillRefNumber": fields.optional_text(20),
}


@dataclass(frozen=True)
class DirectPayment:
    """What a customer types into the M-Pesa menu."""

    shortcode: str
    phone: str
    amount: str
    account: str = ""
    till: bool = False


def register(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request, "c2b")
    document = fields.document_of(request)
    fields.check(document, REGISTER)
    shortcode = fields.digits(document["ShortCode"])
    if shortcode not in world.credentials.own_parties:
        raise fields.invalid("ShortCode")
    with world.lock:
        if shortcode in world.state.c2b_addresses:
            raise Refusal(fields.error(500, "500.003.1001", "Urls are already registered."))
        world.state.c2b_addresses[shortcode] = {name: str(document[name]) for name in REGISTER}
    return json_reply(
        {
            "OriginatorCoversationID": f"7619-{secrets.randbelow(10**8)}-1",
            "ResponseCode": "0",
            "ResponseDescription": "success",
        }
    )


def simulate(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request, "c2b")
    document = fields.document_of(request)
    fields.check(document, SIMULATE)
    till = document["CommandID"] == "CustomerBuyGoodsOnline"
    payment = DirectPayment(
        shortcode=fields.digits(document["ShortCode"]),
        phone=fields.digits(document["Msisdn"]),
        amount=fields.digits(document["Amount"]),
        account="" if till else document.get("BillRefNumber") or "",
        till=till,
    )
    world.later.after(world.pace.act, lambda: pay_directly(world, payment))
    return json_reply(
        {
            "OriginatorCoversationID": f"53e3-{secrets.token_hex(2)}-{secrets.token_hex(8)}",
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
    )


def pay_directly(world: World, payment: DirectPayment) -> str:
    """Ask the shop's validation, then confirm. The receipt, or nothing when the shop refused or is not registered."""
    addresses = world.state.c2b_addresses.get(payment.shortcode)
    if addresses is None:
        return ""
    receipt = new_receipt()
    echoed = ""
    if addresses["ValidationURL"]:
        document = {**_document(payment, receipt), "TransAmount": payment.amount, "MSISDN": payment.phone}
        accepted, echoed = _validate(world, payment, receipt, addresses, document)
        if not accepted:
            return ""
    document = {**_document(payment, receipt), "OrgAccountBalance": "49447.00", "ThirdPartyTransID": echoed}
    with world.lock:
        world.state.direct_payments[receipt] = {"amount": payment.amount, "phone": payment.phone}
    world.deliveries.send(
        world.deliveries.prepare(
            "mpesa", receipt, "c2b confirmation", addresses["ConfirmationURL"], compact(document)
        )
    )
    return receipt


def confirmation_of(world: World, payment: PhonePayment) -> Delivery | None:
    """The C2B confirmation of a prompt that was paid, where the shortcode has registered addresses."""
    addresses = world.state.c2b_addresses.get(world.credentials.mpesa_shortcode)
    if addresses is None:
        return None
    direct = DirectPayment(payment.payee, payment.phone, str(payment.amount), payment.account)
    document = {**_document(direct, payment.receipt), "OrgAccountBalance": "49447.00"}
    return world.deliveries.prepare(
        "mpesa", payment.id, "c2b confirmation", addresses["ConfirmationURL"], compact(document)
    )


def _validate(
    world: World, payment: DirectPayment, receipt: str, addresses: Mapping[str, str], document: dict[str, Any]
) -> tuple[bool, str]:
    """Whether the shop takes the payment, and what it wants echoed. Without an answer ResponseType decides."""
    delivery = world.deliveries.prepare(
        "mpesa", receipt, "c2b validation", addresses["ValidationURL"], compact(document)
    )
    world.deliveries.send(delivery)
    waits = world.choices.take("mpesa", payment.phone[-9:]).name != "c2b-validation-timeout"
    if not waits or delivery.results[-1] != "200":
        return addresses["ResponseType"] == "Completed", ""
    try:
        reply = json.loads(delivery.reply)
    except ValueError:
        reply = {}
    if not isinstance(reply, dict) or "ResultCode" not in reply:
        return addresses["ResponseType"] == "Completed", ""
    return str(reply["ResultCode"]) == "0", str(reply.get("ThirdPartyTransID") or "")


def _document(payment: DirectPayment, receipt: str) -> dict[str, Any]:
    phone = payment.phone
    return {
        "TransactionType": "Buy Goods" if payment.till else "Pay Bill",
        "TransID": receipt,
        "TransTime": east_africa(),
        "TransAmount": f"{payment.amount}.00",
        "BusinessShortCode": payment.shortcode,
        "BillRefNumber": payment.account,
        "InvoiceNumber": "",
        "OrgAccountBalance": "",
        "ThirdPartyTransID": "",
        "MSISDN": f"{phone[:4]} ***** {phone[-3:]}",
        "FirstName": "JOHN",
        "MiddleName": "",
        "LastName": "Doe",
    }
