"""What is sent to Daraja: the JSON documents of each call, field by field (fact sheet, sections 3, 5 and 7)."""

import base64
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from payments.base import ChargeOrder, RefundOrder
from payments.errors import Misconfigured
from payments.mpesa.settings import INITIATOR_NAMES, Initiator, MpesaSettings

STK_PUSH = "/mpesa/stkpush/v1/processrequest"
STK_QUERY = "/mpesa/stkpushquery/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"
B2C = "/mpesa/b2c/v3/paymentrequest"
TRANSACTION_STATUS = "/mpesa/transactionstatus/v1/query"

# Documented for C2B, applied to every address we hand out. `exec` is listed there too; `exe` covers it.
REFUSED_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "cmd", "sql", "query")
LONGEST_ACCOUNT = 12
LONGEST_DESCRIPTION = 13
LONGEST_REMARKS = 100
# Kenya keeps UTC+3 all year; no zone database is needed for it.
EAST_AFRICA_TIME = timezone(timedelta(hours=3))
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]", re.ASCII)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 .,-]+", re.ASCII)

Document = dict[str, object]


def timestamp_of(moment: datetime) -> str:
    """`YYYYMMDDHHmmss` in East Africa Time."""
    return moment.astimezone(EAST_AFRICA_TIME).strftime("%Y%m%d%H%M%S")


def password_of(shortcode: str, passkey: str, timestamp: str) -> str:
    """The password of one STK request; it must hold the very timestamp that is sent beside it."""
    return base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode()


def security_credential(initiator: Initiator) -> str:
    """The initiator's password, sealed for Safaricom. PKCS#1 v1.5: with OAEP the result would be code 2001."""
    sealed = initiator.key.encrypt(initiator.password.encode(), PKCS1v15())
    return base64.b64encode(sealed).decode()


def check_addresses(*urls: str) -> None:
    """Raises `Misconfigured` for an address that Daraja would refuse because of a word in it."""
    for url in urls:
        plain = unquote(url).lower()
        word = next((word for word in REFUSED_WORDS if word in plain), "")
        if word:
            raise Misconfigured(
                f'M-Pesa refuses callback addresses that contain "{word}". Change PUBLIC_BASE_URL '
                "(or MPESA_CALLBACK_URL) to an address without that word; nothing was sent."
            )


def plain_text(text: str, longest: int, otherwise: str) -> str:
    """`text` with letters, digits and simple punctuation only, cut to `longest`; never empty."""
    return " ".join(_NOT_PLAIN.sub(" ", text).split())[:longest].strip() or otherwise


def account_of(text: str) -> str:
    """The account that the payer reads: letters and digits, at most twelve."""
    return _NOT_ALPHANUMERIC.sub("", text)[:LONGEST_ACCOUNT] or "POS"


def stk_push(settings: MpesaSettings, order: ChargeOrder, now: datetime) -> Document:
    """Ask the phone of the payer; `order.amount` is whole and the phone number has twelve digits."""
    timestamp = timestamp_of(now)
    return {
        "BusinessShortCode": int(settings.shortcode),
        "Password": password_of(settings.shortcode, settings.passkey, timestamp),
        "Timestamp": timestamp,
        "TransactionType": settings.transaction_type,
        "Amount": int(order.amount),
        "PartyA": int(order.phone_number),
        "PartyB": int(settings.party_b),
        "PhoneNumber": int(order.phone_number),
        "CallBackURL": order.callback_url,
        "AccountReference": account_of(order.account),
        "TransactionDesc": plain_text(order.description, LONGEST_DESCRIPTION, "POS sale"),
    }


def stk_query(settings: MpesaSettings, checkout_request_id: str, now: datetime) -> Document:
    timestamp = timestamp_of(now)
    return {
        "BusinessShortCode": settings.shortcode,
        "Password": password_of(settings.shortcode, settings.passkey, timestamp),
        "Timestamp": timestamp,
        "CheckoutRequestID": checkout_request_id,
    }


def reversal(settings: MpesaSettings, order: RefundOrder) -> Document:
    """Take a whole payment back by its receipt."""
    initiator = initiator_of(settings)
    return {
        "Initiator": initiator.name,
        "SecurityCredential": security_credential(initiator),
        "CommandID": "TransactionReversal",
        "TransactionID": order.payment.receipt,
        "Amount": int(order.amount),
        "ReceiverParty": settings.shortcode,
        # Misspelled by Daraja; the correct spelling is answered with 400.002.02.
        "RecieverIdentifierType": "11",
        "ResultURL": order.result_url,
        "QueueTimeOutURL": order.timeout_url,
        "Remarks": plain_text(order.reason, LONGEST_REMARKS, "POS refund"),
        "Occasion": order.reference[:LONGEST_REMARKS],
    }


def b2c(settings: MpesaSettings, order: RefundOrder) -> Document:
    """Send money to a customer. Daraja refuses an `OriginatorConversationID` that it has seen before."""
    initiator = initiator_of(settings)
    return {
        "OriginatorConversationID": order.reference,
        "InitiatorName": initiator.name,
        "SecurityCredential": security_credential(initiator),
        "CommandID": "BusinessPayment",
        "Amount": int(order.amount),
        "PartyA": settings.b2c_shortcode,
        "PartyB": order.phone_number,
        # Two characters at least.
        "Remarks": plain_text(order.reason, LONGEST_REMARKS, "POS refund").ljust(2, "."),
        "QueueTimeOutURL": order.timeout_url,
        "ResultURL": order.result_url,
        # This call, unlike the others, spells it with a double s.
        "Occassion": order.reference[:LONGEST_REMARKS],
    }


def transaction_status(
    settings: MpesaSettings, subject: Document, party: str, result_url: str, timeout_url: str
) -> Document:
    """Ask about the transaction named by `subject`: a `TransactionID` or an `OriginalConversationID`."""
    initiator = initiator_of(settings)
    return {
        "Initiator": initiator.name,
        "SecurityCredential": security_credential(initiator),
        "CommandID": "TransactionStatusQuery",
        **subject,
        "PartyA": party,
        "IdentifierType": "4",
        "ResultURL": result_url,
        "QueueTimeOutURL": timeout_url,
        "Remarks": "check",
        "Occasion": "",
    }


def initiator_of(settings: MpesaSettings) -> Initiator:
    """Raises `Misconfigured` where the shop has none."""
    if settings.initiator is None:
        needed = f"M-Pesa refunds are not set up: {', '.join(INITIATOR_NAMES)} are needed."
        raise Misconfigured(settings.initiator_problem or needed)
    return settings.initiator
