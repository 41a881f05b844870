"""The callbacks and results that M-Pesa sends."""

import secrets
from collections.abc import Callable
from typing import Any

from payments.simulator.modes_mpesa import RESULTS
from payments.simulator.state import Conversation, PhonePayment, east_africa, new_receipt

Document = dict[str, Any]


def code_of(code: str) -> int | str:
    """Result codes are numbers where they can be."""
    return int(code) if code.isdigit() else code


def stk_callback(payment: PhonePayment, code: str, items: list[Document] | None = None) -> Document:
    callback: Document = {
        "MerchantRequestID": payment.merchant_id,
        "CheckoutRequestID": payment.id,
        "ResultCode": code_of(code),
        "ResultDesc": RESULTS.get(code, "The request failed."),
    }
    if items is not None:
        callback["CallbackMetadata"] = {"Item": items}
    return {"Body": {"stkCallback": callback}}


def items_of(payment: PhonePayment, amount: float | None = None, receipt: str = "") -> list[Document]:
    return [
        {"Name": "Amount", "Value": float(payment.amount) if amount is None else amount},
        {"Name": "MpesaReceiptNumber", "Value": receipt or payment.receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(east_africa())},
        {"Name": "PhoneNumber", "Value": int(payment.phone)},
    ]


def plain(payment: PhonePayment) -> Document:
    return stk_callback(payment, payment.outcome, items_of(payment) if payment.paid else None)


def odd(payment: PhonePayment) -> Document:
    """Everything a text, another order, the phone masked."""
    items = [
        {**item, **({"Value": str(item["Value"])} if "Value" in item else {})} for item in items_of(payment)
    ]
    items[-1]["Value"] = f"{payment.phone[:6]}***{payment.phone[-3:]}"
    document = stk_callback(payment, "0", items[::-1])
    document["Body"]["stkCallback"]["ResultCode"] = "0"
    return document


def java(payment: PhonePayment) -> Document:
    items = items_of(payment)
    items[2]["Value"] = "{Amount={CurrencyCode=KES, MinimumAmount=99999, BasicAmount=999.99}}"
    return stk_callback(payment, "0", items)


def no_balance(payment: PhonePayment) -> Document:
    return stk_callback(payment, "0", [item for item in items_of(payment) if item["Name"] != "Balance"])


def low(payment: PhonePayment) -> Document:
    return stk_callback(payment, "0", items_of(payment, amount=1.0))


def forged(payment: PhonePayment) -> Document:
    """By somebody who knows the address, but neither of the ids."""
    document = stk_callback(payment, "0", items_of(payment, receipt=new_receipt()))
    document["Body"]["stkCallback"]["CheckoutRequestID"] = (
        f"ws_CO_{east_africa()}{secrets.randbelow(10**9):09d}"
    )
    return document


def swapped(payment: PhonePayment) -> Document:
    """By somebody who knows the CheckoutRequestID, but not the other id."""
    document = stk_callback(payment, "0", items_of(payment, receipt=new_receipt()))
    document["Body"]["stkCallback"]["MerchantRequestID"] = (
        f"{secrets.randbelow(10**5)}-{secrets.randbelow(10**8)}-9"
    )
    return document


STK_MESSAGES: dict[str, Callable[[PhonePayment], Document]] = {
    "plain": plain,
    "odd": odd,
    "java": java,
    "no-balance": no_balance,
    "low": low,
    "forged": forged,
    "swapped": swapped,
    "1037": lambda payment: stk_callback(payment, "1037"),
    "1032": lambda payment: stk_callback(payment, "1032"),
}


def result(
    conversation: Conversation, code: str, parameters: list[Document] | Document | None = None
) -> Document:
    """The envelope of reversals, B2C and status queries. Failed ones carry a placeholder for the receipt."""
    body: Document = {
        "ResultType": 0,
        "ResultCode": code_of(code),
        "ResultDesc": RESULTS.get(code, "The request failed."),
        "OriginatorConversationID": conversation.originator_id,
        "ConversationID": conversation.id,
        "TransactionID": conversation.receipt if code == "0" and conversation.receipt else "SLJ0000000",
    }
    if parameters is not None:
        body["ResultParameters"] = {"ResultParameter": parameters}
    body["ReferenceData"] = {
        "ReferenceItem": {"Key": "QueueTimeoutURL", "Value": "https://internal.example/results/v1/submit"}
    }
    return {"Result": body}


def parameters_of(**values: Any) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def reversal_parameters(conversation: Conversation, own: str) -> list[Document]:
    return parameters_of(
        DebitAccountBalance="Utility Account|KES|51661.00|51661.00|0.00|0.00",
        Amount=str(conversation.amount),
        TransCompletedTime=east_africa(),
        OriginalTransactionID=conversation.original,
        Charge="0",
        CreditPartyPublicName=f"{conversation.party} - Simulated Customer",
        DebitPartyPublicName=f"{own} - Simulated Shop",
    )


def b2c_parameters(conversation: Conversation) -> list[Document]:
    return parameters_of(
        TransactionAmount=conversation.amount,
        TransactionReceipt=conversation.receipt,
        B2CRecipientIsRegisteredCustomer="Y",
        B2CChargesPaidAccountAvailableFunds=-4510.0,
        ReceiverPartyPublicName=f"{conversation.party} - Simulated Customer",
        TransactionCompletedDateTime=east_africa("%d.%m.%Y %H:%M:%S"),
        B2CUtilityAccountAvailableFunds=10116.0,
        B2CWorkingAccountAvailableFunds=900000.0,
    )


def status_parameters(receipt: str, amount: int, status: str, debit: str, credit: str) -> list[Document]:
    """Some keys have spaces, one has no value."""
    moment = int(east_africa())
    return [
        *parameters_of(ReceiptNo=receipt),
        {"Key": "Conversation ID", "Value": f"AG_{east_africa('%Y%m%d')}_{secrets.token_hex(10)}"},
        *parameters_of(
            FinalisedTime=moment, Amount=amount, TransactionStatus=status, ReasonType="Pay Bill Online"
        ),
        {"Key": "TransactionReason"},
        *parameters_of(DebitPartyCharges="", DebitAccountType="Utility Account", InitiatedTime=moment),
        {"Key": "Originator Conversation ID", "Value": f"19455-{secrets.randbelow(10**6)}-1"},
        *parameters_of(CreditPartyName=credit, DebitPartyName=debit),
    ]
