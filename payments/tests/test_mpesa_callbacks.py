"""What Daraja posts to us: every sample, the oddities of the fact sheet, and anything else at all."""

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.base import About, Notice, Result, Route, Status
from payments.errors import BadCallback
from payments.mpesa import from_settings
from payments.mpesa.codes import INITIATOR, STK
from payments.runtime import Runtime

SAMPLES = Path(__file__).parent / "samples"
CALLBACKS = sorted(path.stem.removeprefix("mpesa_") for path in SAMPLES.glob("mpesa_stk_callback_*.json"))
RESULTS = [
    "reversal_result_success",
    "reversal_result_fail_already_reversed",
    "reversal_result_fail_original_not_found",
    "b2c_result_success",
    "b2c_result_fail_2001",
    "result_swapped_parameter_keys",
    "txnstatus_result_completed",
]
GATEWAY = from_settings(
    {
        "MPESA_CONSUMER_KEY": "key",
        "MPESA_CONSUMER_SECRET": "secret",
        "MPESA_SHORTCODE": "174379",
        "MPESA_PASSKEY": "passkey",
    },
    Runtime(),
)
CREDENTIAL = "c2VjdXJpdHkgY3JlZGVudGlhbA=="


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"mpesa_{name}.json").read_bytes())
    return found


def read(route: Route, document: Any) -> Notice:
    assert GATEWAY is not None
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return GATEWAY.read(route, body)


def stk(code: Any, items: Any = None, **fields: Any) -> dict[str, Any]:
    callback = {"MerchantRequestID": "1-2-3", "CheckoutRequestID": "ws_CO_1", "ResultCode": code, **fields}
    if items is not None:
        callback["CallbackMetadata"] = {"Item": items}
    return {"Body": {"stkCallback": callback}}


def result(code: Any, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    envelope = {
        "ResultType": 0,
        "ResultCode": code,
        "OriginatorConversationID": "O-1",
        "ConversationID": "AG_1",
    }
    if parameters is not None:
        envelope["ResultParameters"] = {"ResultParameter": parameters}
    return {"Result": {**envelope, **fields}}


# --- STK callbacks ----------------------------------------------------------------------------------------------


def test_a_paid_push() -> None:
    assert read(Route.CALLBACK, sample("stk_callback_success")) == Notice(
        About.PAYMENT,
        Result(
            Status.SUCCEEDED,
            code="0",
            message="Paid with M-Pesa.",
            gateway_id="ws_CO_191220191020363925",
            receipt="LHG31AA5TX",
            amount=Decimal("1.00"),
            details={"merchant_request_id": "29115-34620561-1", "transaction_date": "20191219102115"},
        ),
        gateway_id="ws_CO_191220191020363925",
        phone_number="254708374149",
    )


def test_a_paid_push_without_a_balance() -> None:
    notice = read(Route.CALLBACK, sample("stk_callback_success_no_balance"))
    assert (notice.result.status, notice.result.amount) == (Status.SUCCEEDED, Decimal("1.00"))
    assert (notice.result.receipt, notice.gateway_id) == ("LGR7OWQX0R", "ws_CO_27072017154747416")


@pytest.mark.parametrize("name", [name for name in CALLBACKS if "fail" in name])
def test_sampled_failures(name: str) -> None:
    code = name.split("_")[3]
    notice = read(Route.CALLBACK, sample(name))
    expected = Status.CANCELLED if code == "1032" else Status.DECLINED
    assert (notice.about, notice.result.status, notice.result.code) == (About.PAYMENT, expected, code)
    callback = sample(name)["Body"]["stkCallback"]
    assert notice.gateway_id == notice.result.gateway_id == callback["CheckoutRequestID"]
    assert notice.result.details == {"merchant_request_id": callback["MerchantRequestID"]}
    assert (notice.result.amount, notice.result.receipt) == (None, "")
    assert notice.result.message == STK[code].sentence


def test_all_samples_of_failures_are_read() -> None:
    codes = {name.split("_")[3] for name in CALLBACKS if "fail" in name}
    assert codes == {"1", "26", "1001", "1019", "1025", "1032", "1037", "2001", "9999"}


@pytest.mark.parametrize("code", STK)
def test_every_code_in_every_spelling(code: str) -> None:
    expected = {"0": Status.SUCCEEDED, "1032": Status.CANCELLED, "4999": Status.PENDING}
    spellings: list[Any] = [code, f" {code} "]
    if code.isdigit():
        spellings += [int(code), float(code)]
    for spelling in spellings:
        found = read(Route.CALLBACK, stk(spelling)).result
        assert (found.status, found.code) == (expected.get(code, Status.DECLINED), code)
        assert found.message == STK[code].sentence


@pytest.mark.parametrize(
    "code", [4711, "00", "-0", "0x0", "", None, True, False, [0], {"0": 0}, 0.5, "success"]
)
def test_codes_that_nobody_knows_are_unknown(code: Any) -> None:
    found = read(Route.CALLBACK, stk(code, [{"Name": "Amount", "Value": 1}]))
    assert (found.result.status, found.result.amount, found.result.receipt) == (Status.UNKNOWN, None, "")


JAVA = "{Amount={CurrencyCode=KES, MinimumAmount=618683, BasicAmount=6186.83}}"


@pytest.mark.parametrize(
    ("items", "amount", "receipt", "phone_number"),
    [
        ([], None, "", ""),
        (None, None, "", ""),
        ("nothing", None, "", ""),
        ([None, 7, "x", [], {}, {"Value": 3}], None, "", ""),
        ({"Name": "Amount", "Value": 5}, Decimal("5.00"), "", ""),
        ([{"Name": "Balance"}, {"Name": "Amount", "Value": "5.00"}], Decimal("5.00"), "", ""),
        ([{"Name": "Balance", "Value": JAVA}, {"Name": "Amount", "Value": 5.0}], Decimal("5.00"), "", ""),
        ([{"Name": "Amount", "Value": JAVA}], None, "", ""),
        ([{"Name": "Amount", "Value": 5.005}], None, "", ""),
        ([{"Name": "Amount", "Value": -5}], None, "", ""),
        ([{"Name": "Amount", "Value": True}], None, "", ""),
        ([{"Name": "Amount"}, {"Name": "Amount", "Value": 6}], Decimal("6.00"), "", ""),
        ([{"Name": "Amount", "Value": 5}, {"Name": "Amount", "Value": 6}], Decimal("5.00"), "", ""),
        ([{"Name": "MpesaReceiptNumber", "Value": "LHG31AA5TX"}], None, "LHG31AA5TX", ""),
        ([{"Name": "MpesaReceiptNumber", "Value": "NLJ0000000"}], None, "", ""),
        ([{"Name": "MpesaReceiptNumber", "Value": None}], None, "", ""),
        ([{"Name": "PhoneNumber", "Value": "254708***430"}], None, "", "254708***430"),
        ([{"Name": "PhoneNumber", "Value": 254708374149}], None, "", "254708374149"),
    ],
)
def test_items_are_read_by_name_and_oddities_left_empty(
    items: Any, amount: Decimal | None, receipt: str, phone_number: str
) -> None:
    notice = read(Route.CALLBACK, stk(0, items))
    assert notice.result.status is Status.SUCCEEDED
    assert (notice.result.amount, notice.result.receipt) == (amount, receipt)
    assert notice.phone_number == phone_number


def test_the_order_of_the_items_does_not_matter() -> None:
    document = sample("stk_callback_success")
    document["Body"]["stkCallback"]["CallbackMetadata"]["Item"].reverse()
    assert read(Route.CALLBACK, document) == read(Route.CALLBACK, sample("stk_callback_success"))


def test_an_amount_of_a_failure_is_not_an_amount_paid() -> None:
    items = [{"Name": "Amount", "Value": 5}, {"Name": "MpesaReceiptNumber", "Value": "LHG31AA5TX"}]
    found = read(Route.CALLBACK, stk(1, items)).result
    assert (found.status, found.amount, found.receipt) == (Status.DECLINED, None, "")


# --- payments that a customer began -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "receipt", "amount", "reference", "phone_number"),
    [
        ("c2b_confirmation_till", "RKTQDM7W6S", "250.00", "", "2547*****149"),
        ("c2b_confirmation_v2_masked", "RKL51ZDR4F", "5.00", "Sample Transaction", "2547 ***** 149"),
        ("c2b_validation", "RKTQDM7W6S", "10.00", "S1-000123", "254708374149"),
    ],
)
def test_customer_payments_are_none_of_our_attempts(
    name: str, receipt: str, amount: str, reference: str, phone_number: str
) -> None:
    notice = read(Route.CALLBACK, sample(name))
    assert (notice.about, notice.result.status) == (About.OTHER, Status.UNKNOWN)
    assert (notice.result.receipt, notice.result.amount) == (receipt, Decimal(amount))
    assert (notice.reference, notice.gateway_id, notice.phone_number) == (reference, "", phone_number)
    assert notice.result.details["transaction_date"] == "20191122063845"
    assert "Doe" not in repr(notice)


# --- outcomes of refunds ----------------------------------------------------------------------------------------


def test_a_reversal_that_was_done() -> None:
    assert read(Route.RESULT, sample("reversal_result_success")) == Notice(
        About.REFUND,
        Result(
            Status.SUCCEEDED,
            code="0",
            message="M-Pesa sent the money back.",
            gateway_id="AG_20181005_00004d7ee675c0c7ee0b",
            receipt="MJ561H6X5O",
            amount=Decimal("100.00"),
            details={
                "originator_conversation_id": "8521-4298025-1",
                "original_receipt": "MJ551H6X5D",
                "transaction_date": "20181005153225",
            },
        ),
        gateway_id="AG_20181005_00004d7ee675c0c7ee0b",
        reference="8521-4298025-1",
    )


def test_a_payout_that_was_done() -> None:
    notice = read(Route.RESULT, sample("b2c_result_success"))
    assert (notice.result.status, notice.result.receipt) == (Status.SUCCEEDED, "NLJ41HAY6Q")
    assert notice.result.amount == Decimal("10.00")
    assert notice.result.details["transaction_date"] == "19.12.2019 11:45:50"
    assert (notice.reference, notice.gateway_id) == ("10571-7910404-1", "AG_20191219_00004e48cf7e3533f581")
    assert "John" not in repr(notice)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("reversal_result_fail_already_reversed", Status.SUCCEEDED, "R000001"),
        ("reversal_result_fail_original_not_found", Status.DECLINED, "R000002"),
        ("b2c_result_fail_2001", Status.DECLINED, "2001"),
    ],
)
def test_other_outcomes_have_no_receipt(name: str, status: Status, code: str) -> None:
    notice = read(Route.RESULT, sample(name))
    assert (notice.about, notice.result.status, notice.result.code) == (About.REFUND, status, code)
    assert (notice.result.receipt, notice.result.amount) == ("", None)
    assert notice.result.message == INITIATOR[code].sentence
    assert notice.gateway_id == sample(name)["Result"]["ConversationID"]
    assert notice.reference == sample(name)["Result"]["OriginatorConversationID"]


def test_swapped_names_and_placeholders_are_seen_through() -> None:
    notice = read(Route.RESULT, sample("result_swapped_parameter_keys"))
    assert (notice.result.status, notice.result.receipt) == (Status.SUCCEEDED, "")
    document = sample("result_swapped_parameter_keys")
    document["Result"]["ResultParameter"]["ResultParameters"] += [{"Key": "Amount", "Value": 7}]
    assert read(Route.RESULT, document).result.amount == Decimal("7.00")


@pytest.mark.parametrize("code", INITIATOR)
def test_every_code_of_a_refund(code: str) -> None:
    forms: list[Any] = [code, int(code)] if code.isdigit() else [code]
    expected = Status.SUCCEEDED if code in ("0", "R000001") else Status.DECLINED
    for form in forms:
        found = read(Route.RESULT, result(form)).result
        assert (found.status, found.code, found.message) == (expected, code, INITIATOR[code].sentence)


@pytest.mark.parametrize("code", [17, "4711", "00", "", None, True, "R000003"])
def test_unknown_codes_of_a_refund_leave_it_open(code: Any) -> None:
    assert read(Route.RESULT, result(code)).result.status is Status.UNKNOWN


def test_a_success_in_words_only_is_none() -> None:
    document = sample("reversal_result_success")
    document["Result"]["ResultCode"] = "21"
    found = read(Route.RESULT, document).result
    assert (found.status, found.receipt, found.amount) == (Status.DECLINED, "", None)


@pytest.mark.parametrize(
    ("parameters", "amount", "receipt"),
    [
        ({"Key": "Amount", "Value": "100"}, Decimal("100.00"), "MJ561H6X5O"),
        ([{"Key": "Amount"}, {"Key": "Amount", "Value": 100}], Decimal("100.00"), "MJ561H6X5O"),
        ([{"Key": "Transaction Amount", "Value": 10}], Decimal("10.00"), "MJ561H6X5O"),
        ([{"Key": "TransactionReceipt", "Value": "NLJ41HAY6Q"}], None, "NLJ41HAY6Q"),
        ([{"Key": "TransactionReceipt", "Value": "NLJ0000000"}], None, "MJ561H6X5O"),
        ("", None, "MJ561H6X5O"),
        (None, None, "MJ561H6X5O"),
        (7, None, "MJ561H6X5O"),
    ],
)
def test_parameters_in_all_their_shapes(parameters: Any, amount: Decimal | None, receipt: str) -> None:
    found = read(Route.RESULT, result(0, parameters, TransactionID="MJ561H6X5O")).result
    assert (found.status, found.amount, found.receipt) == (Status.SUCCEEDED, amount, receipt)


def test_names_with_spaces_are_the_same_names() -> None:
    document = {
        "Result": {"Result Code": "0", "Conversation ID": "AG_1", "Originator Conversation ID": "O-1"}
    }
    notice = read(Route.RESULT, document)
    assert (notice.result.status, notice.gateway_id, notice.reference) == (Status.SUCCEEDED, "AG_1", "O-1")


# --- refunds left lying -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "gateway_id", "reference"),
    [
        ({**sample("reversal_request"), "SecurityCredential": CREDENTIAL}, "", ""),
        (
            {**sample("b2c_request_v3"), "SecurityCredential": CREDENTIAL},
            "",
            "refund-0f6f0a2c-2f1e-4a57-9c1f-000000000045",
        ),
        (sample("b2c_result_success"), "AG_20191219_00004e48cf7e3533f581", "10571-7910404-1"),
        (sample("b2c_result_fail_2001"), "AG_20191219_00006c6fddb15123addf", "29112-34801843-1"),
        ({}, "", ""),
        ({"Result": 7}, "", ""),
    ],
)
def test_a_refund_left_lying_is_never_decided(document: Any, gateway_id: str, reference: str) -> None:
    notice = read(Route.TIMEOUT, document)
    assert (notice.about, notice.result.status, notice.result.code) == (
        About.REFUND,
        Status.UNKNOWN,
        "queue_timeout",
    )
    assert (notice.gateway_id, notice.reference) == (gateway_id, reference)
    assert (notice.result.receipt, notice.result.amount) == ("", None)
    assert CREDENTIAL not in repr(notice)
    asked = read(Route.STATUS_TIMEOUT, document)
    assert (asked.about, asked.result.status) == (About.OTHER, Status.UNKNOWN)


# --- answers about transactions ---------------------------------------------------------------------------------


def test_a_completed_transaction_tells_its_receipt() -> None:
    assert read(Route.STATUS, sample("txnstatus_result_completed")) == Notice(
        About.RECEIPT,
        Result(
            Status.SUCCEEDED,
            code="0",
            message="M-Pesa completed the transaction.",
            gateway_id="AG_20170727_00004492b1b6d0078fbe",
            receipt="LGR919G2AV",
            amount=Decimal("10.00"),
            details={
                "transaction_status": "Completed",
                "transaction_date": "20170727101415",
                "question_conversation_id": "AG_20170727_000059c52529a8e080bd",
            },
        ),
        gateway_id="AG_20170727_00004492b1b6d0078fbe",
        reference="19455-773836-1",
    )


@pytest.mark.parametrize("state", ["Reversed", "Cancelled", "Pending", "", None, 7])
def test_any_other_state_decides_nothing(state: Any) -> None:
    parameters = [{"Key": "TransactionStatus", "Value": state}, {"Key": "ReceiptNo", "Value": "LGR919G2AV"}]
    notice = read(Route.STATUS, result(0, parameters))
    assert (notice.about, notice.result.status) == (About.RECEIPT, Status.UNKNOWN)
    assert notice.result.details.get("transaction_status", "") == str(state or "")


def test_a_question_that_failed_decides_nothing() -> None:
    notice = read(Route.STATUS, result(2001, [{"Key": "TransactionStatus", "Value": "Completed"}]))
    assert (notice.result.status, notice.result.code) == (Status.UNKNOWN, "2001")


# --- what is no message of Daraja -------------------------------------------------------------------------------

NOT_JSON_OBJECTS = [
    b"",
    b" ",
    b"{",
    b"null",
    b"7",
    b'"text"',
    b"[]",
    b"\xff\xfe\x00",
    b"\x00" * 9,
    b"{\x00}",
    b"<html></html>",
    b'{"Body": NaN}',
    b'{"Body": Infinity}',
    b"[" * 200000,
    b'{"Body":' * 200000,
    b'{"Body": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize("body", NOT_JSON_OBJECTS)
def test_what_is_no_json_object_is_refused(route: Route, body: bytes) -> None:
    with pytest.raises(BadCallback):
        read(route, body)


@pytest.mark.parametrize("route", [Route.CALLBACK, Route.RESULT, Route.STATUS])
@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Body": None},
        {"Body": []},
        {"Body": {"stkCallback": []}},
        {"Body": {"stkCallback": {}}},
        {"Body": {"stkCallback": {"ResultCode": None, "CheckoutRequestID": []}}},
        {"Result": None},
        {"Result": []},
        {"Result": {}},
        {"Result": {"ResultCode": {}, "ConversationID": True}},
        {"TransID": "RKTQDM7W6S"},
        {"TransAmount": "10"},
        {"event": "charge.success", "data": {"id": 1}},
    ],
)
def test_other_shapes_are_refused(route: Route, document: Any) -> None:
    with pytest.raises(BadCallback):
        read(route, document)


def test_a_callback_at_the_address_for_results_is_refused_and_the_other_way_round() -> None:
    with pytest.raises(BadCallback):
        read(Route.RESULT, sample("stk_callback_success"))
    with pytest.raises(BadCallback):
        read(Route.CALLBACK, sample("b2c_result_success"))


# --- anything at all --------------------------------------------------------------------------------------------

ODD_TEXT = [
    "",
    "\x00",
    "\ud800",
    "1e999",
    "1e-999999999",
    "1e999999999",
    "NaN",
    "sNaN",
    "-0",
    "٣",
    "A" * 9999,
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**29, 10**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(ODD_TEXT),
)
NAMES = st.sampled_from(
    [
        "Body",
        "stkCallback",
        "Result",
        "ResultCode",
        "CheckoutRequestID",
        "ConversationID",
        "CallbackMetadata",
        "Item",
        "Name",
        "Value",
        "Key",
        "ResultParameters",
        "ResultParameter",
        "Amount",
        "MpesaReceiptNumber",
        "TransID",
        "TransAmount",
        "TransactionStatus",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)
RAW = st.sampled_from(
    [b"1e999", b"-1e999", b"1e-400", b'"\\ud800"', b'"\\u0000"', b"0.1000000000000000055", b"NaN"]
)


def survives(body: bytes) -> None:
    """Every route answers with a well-formed notice, or with `BadCallback`."""
    for route in Route:
        try:
            notice = read(route, body)
        except BadCallback:
            continue
        found = notice.result
        texts = [notice.gateway_id, notice.reference, notice.phone_number, *found.details.values()]
        texts += [found.code, found.message, found.gateway_id, found.receipt]
        for text in texts:
            assert isinstance(text, str)
            assert len(text) <= 200
            assert "\x00" not in text
            text.encode()
        assert found.amount is None or (found.amount.is_finite() and found.amount >= 0)
        if route in (Route.TIMEOUT, Route.STATUS_TIMEOUT):
            assert found.status is Status.UNKNOWN


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_survived(body: bytes) -> None:
    survives(body)


@settings(max_examples=400, deadline=None)
@given(JSON)
def test_random_json_is_survived(document: Any) -> None:
    survives(json.dumps(document).encode())


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_random_values_in_the_right_place_are_survived(one: Any, two: Any) -> None:
    survives(json.dumps({"Body": {"stkCallback": one}, "Result": two}).encode())
    survives(json.dumps(stk(one, two)).encode())
    survives(json.dumps(result(one, two, ConversationID=two)).encode())


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    found = [path] if path else []
    if isinstance(document, dict | list):
        for key, value in inner:
            found += places(value, (*path, key)) if isinstance(value, dict | list) else [(*path, key)]
    return found


BODIES = [sample(name) for name in (*CALLBACKS, *RESULTS, "c2b_validation", "reversal_request")]


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(BODIES), st.data())
def test_mutated_samples_are_survived(document: dict[str, Any], data: st.DataObject) -> None:
    mutated = copy.deepcopy(document)
    *path, last = data.draw(st.sampled_from(places(document)))
    parent: Any = mutated
    for key in path:
        parent = parent[key]
    if data.draw(st.booleans()):
        parent[last] = data.draw(JSON)
    else:
        del parent[last]
    survives(json.dumps(mutated).encode())
    survives(json.dumps(mutated, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BODIES), RAW, st.data())
def test_raw_numbers_and_texts_are_survived(
    document: dict[str, Any], raw: bytes, data: st.DataObject
) -> None:
    mutated = copy.deepcopy(document)
    *path, last = data.draw(st.sampled_from(places(document)))
    parent: Any = mutated
    for key in path:
        parent = parent[key]
    parent[last] = "@@"
    survives(json.dumps(mutated).encode().replace(b'"@@"', raw))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BODIES), st.data())
def test_torn_bodies_are_survived(document: dict[str, Any], data: st.DataObject) -> None:
    body = json.dumps(document).encode()
    survives(body[: data.draw(st.integers(0, len(body)))])
    at = data.draw(st.integers(0, len(body) - 1))
    survives(body[:at] + data.draw(st.binary(min_size=1, max_size=3)) + body[at + 1 :])


def test_deep_nesting_inside_a_valid_envelope_is_survived() -> None:
    for deep in (b"[" * 500 + b"]" * 500, b'{"a":' * 500 + b"1" + b"}" * 500):
        survives(b'{"Body":{"stkCallback":{"ResultCode":0,"CallbackMetadata":' + deep + b"}}}")
        survives(b'{"Result":{"ResultCode":0,"ResultParameters":' + deep + b"}}")
