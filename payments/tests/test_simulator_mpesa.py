"""The simulated M-Pesa: its errors are Daraja's, and every mode does what its name says."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from payments.simulator.modes_mpesa import MODES
from payments.tests.test_simulator import ANYBODY, Shop, open_shop

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield from open_shop()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"mpesa_{name}.json").read_text())


def shape(document: Any) -> Any:
    """Names and kinds of values, without the values."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, list):
        return [shape(item) for item in document]
    return type(document).__name__


def error_of(answer: requests.Response) -> tuple[int, str, str]:
    document = answer.json()
    assert set(document) == {"requestId", "errorCode", "errorMessage"}
    return answer.status_code, document["errorCode"], document["errorMessage"]


def codes(shop: Shop, path: str = "/stk") -> list[Any]:
    return [body["Body"]["stkCallback"]["ResultCode"] for body in shop.bodies(path)]


# The token


def test_token(shop: Shop) -> None:
    pair = (shop.settings["MPESA_CONSUMER_KEY"], shop.settings["MPESA_CONSUMER_SECRET"])
    path = "/oauth/v1/generate?grant_type=client_credentials"
    answer = shop.get(path, auth=pair)
    assert shape(answer.json()) == shape(sample("oauth_200_success"))
    assert answer.json()["expires_in"] == "3599"
    wrong = shop.get(path, auth=(pair[0], "no"))
    assert (wrong.status_code, wrong.content) == (400, b"")
    assert error_of(shop.get(path))[:2] == (400, "400.008.01")
    assert error_of(shop.get("/oauth/v1/generate?grant_type=password", auth=pair))[:2] == (400, "400.008.02")
    assert error_of(shop.post(path, auth=pair)) == (405, "405.001", "Method Not Allowed")
    assert error_of(shop.get("/mpesa/nothing"))[:2] == (404, "404.001.01")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("stkpush/v1/processrequest", 404, "404.001.03"),
        ("stkpushquery/v1/query", 404, "404.001.03"),
        ("reversal/v1/request", 404, "404.001.03"),
        ("transactionstatus/v1/query", 401, "400.003.01"),
        ("c2b/v2/registerurl", 401, "400.003.01"),
        ("b2c/v3/paymentrequest", 401, "401.002.01"),
    ],
)
def test_each_product_refuses_a_token_in_its_own_spelling(
    shop: Shop, path: str, status: int, code: str
) -> None:
    answer = shop.post(f"/mpesa/{path}", {}, headers={"Authorization": "Bearer stale"})
    assert error_of(answer)[:2] == (status, code)
    assert ("stale" in answer.text) == (code == "401.002.01")


def test_tokens_expire(shop: Shop) -> None:
    assert shop.push().status_code == 200
    shop.simulator.expire_tokens("mpesa")
    assert error_of(shop.push()) == (404, "404.001.03", "Invalid Access Token")
    shop.forget_tokens()
    assert shop.push().status_code == 200


# The push


def test_a_push_as_daraja_answers_it(shop: Shop) -> None:
    answer = shop.push("0700 0000 01")
    assert answer.status_code == 200
    assert {k: v for k, v in answer.json().items() if not k.endswith("RequestID")} == {
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }
    shop.simulator.settle()
    (callback,) = shop.bodies("/stk/0123456789abcdef")
    assert shape(callback) == shape(sample("stk_callback_success"))
    inner = callback["Body"]["stkCallback"]
    assert inner["CheckoutRequestID"] == answer.json()["CheckoutRequestID"]
    assert inner["MerchantRequestID"] == answer.json()["MerchantRequestID"]
    items = {item["Name"]: item.get("Value") for item in inner["CallbackMetadata"]["Item"]}
    assert (items["Amount"], items["PhoneNumber"], items["Balance"]) == (622.0, 254700000001, None)
    assert len(items["MpesaReceiptNumber"]) == 10


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("BusinessShortCode", "12", "BusinessShortCode"),
        ("Password", None, "Password"),
        ("Timestamp", "2026-01-01", "Timestamp"),
        ("Timestamp", "20269999999999", "Timestamp"),
        ("TransactionType", "CustomerPayBill", "TransactionType"),
        ("Amount", 0, "Amount"),
        ("Amount", 10.5, "Amount"),
        ("Amount", "10.00", "Amount"),
        ("Amount", True, "Amount"),
        ("PartyA", "0712345678", "PartyA"),
        ("PartyB", "", "PartyB"),
        ("PhoneNumber", "254212345678", "PhoneNumber"),
        ("PhoneNumber", "254711111111", "PartyA"),
        ("CallBackURL", "ftp://shop.example/x", "CallBackURL"),
        ("CallBackURL", "shop.example", "CallBackURL"),
        ("CallBackURL", "https://shop.example/MPESA/x", "CallBackURL"),
        ("CallBackURL", "https://shop.example/m-pesa", "CallBackURL"),
        ("CallBackURL", "https://safaricom.example/", "CallBackURL"),
        ("CallBackURL", "https://shop.example/exe", "CallBackURL"),
        ("CallBackURL", "https://shop.example/cmd/", "CallBackURL"),
        ("CallBackURL", "https://shop.example/mysql/", "CallBackURL"),
        ("CallBackURL", "https://shop.example/?query=1", "CallBackURL"),
        ("AccountReference", "S1-0001234567", "AccountReference"),
        ("AccountReference", "", "AccountReference"),
        ("TransactionDesc", None, "Remarks"),
        ("TransactionDesc", "Fourteen chars", "Remarks"),
    ],
)
def test_a_wrong_field_is_named(shop: Shop, field: str, value: Any, said: str) -> None:
    assert error_of(shop.push(**{field: value})) == (400, "400.002.02", f"Bad Request - Invalid {said}")
    assert shop.simulator.prompts() == []


def test_the_callback_address_has_exactly_this_spelling(shop: Shop) -> None:
    document = shop.push_document(ANYBODY)
    document["CallbackURL"] = document.pop("CallBackURL")
    answer = shop.daraja("/mpesa/stkpush/v1/processrequest", document)
    assert error_of(answer) == (400, "400.002.02", "Bad Request - Invalid CallBackURL")


def test_the_clock_is_east_africas(shop: Shop) -> None:
    utc = datetime.now(timezone(timedelta(0))).strftime("%Y%m%d%H%M%S")
    assert error_of(shop.push(Timestamp=utc)) == (400, "400.002.02", "Bad Request - Invalid Timestamp")


def test_password_and_timestamp_belong_together(shop: Shop) -> None:
    wrong = (500, "500.001.1001", "[MerchantValidate] - Wrong credentials")
    stamp = (datetime.now(timezone(timedelta(hours=3))) - timedelta(seconds=9)).strftime("%Y%m%d%H%M%S")
    assert error_of(shop.push(Timestamp=stamp)) == wrong
    assert error_of(shop.push(Password=base64.b64encode(b"174379 something").decode())) == wrong
    assert error_of(shop.push(BusinessShortCode="174380")) == (
        500,
        "500.001.1001",
        "Merchant does not exist",
    )


def test_the_password_of_the_test_vector() -> None:
    vector = json.loads((SAMPLES / "_test_vectors.json").read_text())["daraja_password"]
    for shop in open_shop(MPESA_SHORTCODE=vector["shortcode"], MPESA_PASSKEY=vector["passkey"]):
        merchant = shop.merchant()
        start = base64.b64decode(vector["password"]).decode().removesuffix(vector["timestamp"])
        assert merchant["Password"] == base64.b64encode((start + merchant["Timestamp"]).encode()).decode()
        assert shop.push().status_code == 200


def test_no_json(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.mpesa_token()}"}
    url = f"{shop.base}/mpesa/stkpush/v1/processrequest"
    for body in (b"{", b"[]", b"", b"\xff"):
        answer = requests.post(url, data=body, headers=headers, timeout=10)
        assert error_of(answer)[:2] == (400, "400.002.05")


def test_a_wrong_pairing_shows_in_the_callback(shop: Shop) -> None:
    assert shop.push(PartyB="600000").status_code == 200
    assert shop.push(TransactionType="CustomerBuyGoodsOnline").status_code == 200
    shop.simulator.settle()
    assert sorted(map(str, codes(shop))) == ["2028", "SFC_IC0003"]


def test_a_till_is_party_b_and_the_store_number_the_shortcode() -> None:
    credentials = {"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "MPESA_TILL_NUMBER": "5678901"}
    for shop in open_shop(MPESA_SHORTCODE="7654321", **credentials):
        assert shop.push("0700 0000 01").status_code == 200
        assert shop.push("0700 0000 01", PartyB="7654321").status_code == 200
        shop.simulator.settle()
        assert sorted(map(str, codes(shop))) == ["0", "SFC_IC0003"]


# The query


def test_query(shop: Shop) -> None:
    checkout_id = shop.push().json()["CheckoutRequestID"]
    pending = shop.query(checkout_id)
    assert error_of(pending) == (500, "500.001.1001", "The transaction is being processed")
    assert pending.json()["requestId"] == checkout_id
    shop.simulator.enter_pin(ANYBODY)
    assert shape(shop.query(checkout_id).json()) == shape(sample("stkquery_200_success"))
    invalid = (400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")
    assert error_of(shop.query("ws_CO_unknown")) == invalid


def test_queries_can_be_limited(shop: Shop) -> None:
    checkout_id = shop.push("0700 0000 01").json()["CheckoutRequestID"]
    shop.simulator.settle()
    shop.post("/_/limits/", {"queries": 2})
    assert [shop.query(checkout_id).status_code for _ in range(3)] == [200, 200, 429]
    fault = shop.query(checkout_id).json()["fault"]
    assert fault["detail"] == {"errorcode": "policies.ratelimit.SpikeArrestViolation"}
    shop.simulator.limit_queries(0)
    assert shop.query(checkout_id).status_code == 200


# The modes: answer to the push, codes of the callbacks, first answers to the query

REFUSED: dict[str, tuple[int, str]] = {
    "html-503": (503, "<html>"),
    "spike-arrest": (429, "policies.ratelimit.SpikeArrestViolation"),
    "spike-arrest-envelope": (500, "500.003.02"),
    "quota": (500, "500.003.03"),
    "maintenance": (503, "00.002.1001"),
    "system-error": (500, "500.003.1001"),
    "empty-500": (500, ""),
    "no-proxy": (404, "Unable to identify proxy for host"),
    "merchant-unknown": (500, "Merchant does not exist"),
    "subscriber-locked": (500, "Unable to lock subscriber"),
    "token-useless": (404, "404.001.03"),
    "not-subscribed": (401, "no apiproduct match found"),
    "forbidden": (403, "403.001"),
}
OUTCOMES: dict[str, Any] = {
    "success": 0,
    "insufficient": 1,
    "cancelled": 1032,
    "timeout": 1037,
    "expired": 1019,
    "wrong-pin": 2001,
    "locked": 1001,
    "busy": 26,
    "push-error": 1025,
    "push-error-9999": 9999,
    "below-minimum": 2,
    "above-maximum": 3,
    "daily-limit": 4,
    "balance-limit": 8,
    "internal-error": 17,
    "smsc-timeout": 1036,
    "not-permitted": 2028,
    "credential-locked": 8006,
    "no-operator": "SFC_IC0003",
    "sandbox-refusal": "E3008",
    "unknown-code": 7777,
}
# mode: codes of the callbacks, answers to the first four queries (a result code, or a status and a word)
WAYS: dict[str, tuple[list[Any], list[Any]]] = {
    "duplicate-callback": ([0, 0, 0], ["0"]),
    "callback-first": ([0], ["0"]),
    "no-callback": ([], ["0"]),
    "late-callback": ([0], ["0"]),
    "late-success": ([0], ["0"]),
    "odd-callback": (["0"], ["0"]),
    "odd-balance": ([0], ["0"]),
    "no-balance": ([0], ["0"]),
    "wrong-amount": ([0], ["0"]),
    "forged-callback": ([0, 0], ["1032"]),
    "fail-then-success": ([1037, 0], ["0"]),
    "success-then-fail": ([0, 1032], ["0"]),
    "also-c2b": ([0], ["0"]),
    "pending-500": ([], [500, 500, 500, "0"]),
    "pending-4999": ([], ["4999", "4999", "4999", "0"]),
    "pending-400": ([], [400, 400, 400, "0"]),
    "query-html-503": ([], [503, 503, 503, "0"]),
    "stuck": ([], ["4999"] * 4),
    "contradicting-query": ([0], ["1037"] * 4),
    "rate-limited": ([], ["0"] * 5 + [429]),
    "dropped": ([0], []),
    "dropped-silent": ([], []),
}
TOKENS = {
    "token-rejected": (404, "404.001.03"),
    "token-rejected-401": (401, "404.001.03"),
    "token-rejected-400": (401, "400.003.01"),
    "token-rejected-b2c": (401, "401.002.01"),
    "token-rejected-pull": (401, "401.001"),
}


def phone_of(mode: str) -> str:
    return MODES[mode].phone("mpesa")


def test_every_mode_is_tried() -> None:
    later = {name for name in MODES if name.startswith(("refund-", "status-", "c2b-"))}
    assert set(MODES) == {"prompt", *REFUSED, *OUTCOMES, *WAYS, *TOKENS} | later
    assert later == {*REFUNDS, *STATUSES, "c2b-validation-timeout"}


@pytest.mark.parametrize("mode", REFUSED)
def test_refused_pushes(shop: Shop, mode: str) -> None:
    for _ in range(2):
        answer = shop.push(phone_of(mode))
        status, word = REFUSED[mode]
        assert answer.status_code == status
        assert word in answer.text
    shop.simulator.settle()
    assert shop.got == []
    assert shop.get("/_/state/").json()["payments"] == []


@pytest.mark.parametrize("mode", OUTCOMES)
def test_outcomes(shop: Shop, mode: str) -> None:
    checkout_id = shop.push(phone_of(mode)).json()["CheckoutRequestID"]
    shop.simulator.settle()
    (callback,) = shop.bodies("/stk")
    assert callback["Body"]["stkCallback"]["ResultCode"] == OUTCOMES[mode]
    assert ("CallbackMetadata" in callback["Body"]["stkCallback"]) == (mode == "success")
    answer = shop.query(checkout_id).json()
    assert (answer["ResponseCode"], answer["ResultCode"]) == ("0", str(OUTCOMES[mode]))


@pytest.mark.parametrize("mode", WAYS)
def test_ways(shop: Shop, mode: str) -> None:
    callbacks, queries = WAYS[mode]
    if mode.startswith("dropped"):
        with pytest.raises(requests.ConnectionError):
            shop.push(phone_of(mode))
        shop.simulator.settle()
        assert shop.get("/_/state/").json()["payments"][0]["paid"]
        assert codes(shop) == callbacks
        return
    checkout_id = shop.push(phone_of(mode)).json()["CheckoutRequestID"]
    shop.simulator.settle()
    assert codes(shop) == callbacks
    answers = [shop.query(checkout_id) for _ in queries]
    assert [a.json()["ResultCode"] if a.status_code == 200 else a.status_code for a in answers] == queries


@pytest.mark.parametrize("mode", TOKENS)
def test_a_token_is_refused_once(shop: Shop, mode: str) -> None:
    answer = shop.push(phone_of(mode))
    assert error_of(answer)[:2] == TOKENS[mode]
    assert (shop.mpesa_token() in answer.text) == (mode == "token-rejected-b2c")
    shop.forget_tokens()
    assert shop.push(phone_of(mode)).status_code == 200
    shop.simulator.settle()
    assert codes(shop) == [0]


def test_callback_first_comes_before_the_answer(shop: Shop) -> None:
    answer = shop.push(phone_of("callback-first"))
    assert len(shop.got) == 1  # delivered while we waited for the answer
    assert shop.bodies()[0]["Body"]["stkCallback"]["CheckoutRequestID"] == answer.json()["CheckoutRequestID"]


def test_late_callback_is_pending_until_then_and_late_success_is_1037(shop: Shop) -> None:
    late = shop.push(phone_of("late-callback")).json()["CheckoutRequestID"]
    corrected = shop.push(phone_of("late-success")).json()["CheckoutRequestID"]
    shop.simulator.wait_for(lambda: all(p["paid"] for p in shop.get("/_/state/").json()["payments"]))
    assert shop.query(late).status_code == 500
    assert shop.query(corrected).json()["ResultCode"] == "1037"
    assert shop.got == []
    shop.simulator.settle()
    assert codes(shop) == [0, 0]


def test_odd_values(shop: Shop) -> None:
    shop.push(phone_of("odd-callback"))
    shop.simulator.settle()
    items = shop.bodies()[0]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    assert [item["Name"] for item in items] == [
        "PhoneNumber",
        "TransactionDate",
        "Balance",
        "MpesaReceiptNumber",
        "Amount",
    ]
    assert all(isinstance(item["Value"], str) for item in items if "Value" in item)
    assert items[0]["Value"] == "254700***035"
    shop.push(phone_of("odd-balance"))
    shop.simulator.settle()
    items = shop.bodies()[1]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    assert "BasicAmount" in items[2]["Value"]
    shop.push(phone_of("no-balance"))
    shop.simulator.settle()
    items = shop.bodies()[2]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    assert "Balance" not in [item["Name"] for item in items]


def test_forged_callbacks_and_wrong_amounts(shop: Shop) -> None:
    answer = shop.push(phone_of("forged-callback")).json()
    shop.simulator.settle()
    foreign, swapped = (body["Body"]["stkCallback"] for body in shop.bodies())
    assert foreign["CheckoutRequestID"] != answer["CheckoutRequestID"]
    assert swapped["CheckoutRequestID"] == answer["CheckoutRequestID"]
    assert swapped["MerchantRequestID"] != answer["MerchantRequestID"]
    shop.push(phone_of("wrong-amount"))
    shop.simulator.settle()
    items = shop.bodies()[2]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    assert items[0] == {"Name": "Amount", "Value": 1.0}


# Initiators: reversal, B2C, status

# mode: result codes at the result address, messages at the timeout address, whether the money went back
REFUNDS: dict[str, tuple[list[Any], int, bool]] = {
    "refund-insufficient": ([1], 0, False),
    "refund-inactive": ([11], 0, False),
    "refund-no-role": ([21], 0, False),
    "refund-account-status": ([2006], 0, False),
    "refund-credential-locked": ([8006], 0, False),
    "refund-already": (["R000001"], 0, False),
    "refund-unknown-original": (["R000002"], 0, False),
    "refund-queue-timeout": ([], 1, True),
    "refund-queue-result": ([], 1, True),
    "refund-silent": ([], 0, True),
    "refund-lost": ([], 0, False),
    "refund-single-parameter": ([0], 0, True),
    "refund-swapped": (["0"], 0, True),
    "refund-duplicate": ([0, 0, 0], 0, True),
    "refund-dropped": ([0], 0, True),
    "refund-html-503": ([], 0, False),
    "refund-first": ([0], 0, True),
}
STATUSES = {"status-queue-timeout": 1, "status-silent": 0}


def paid(shop: Shop, phone: str = "0700 0000 01") -> tuple[str, dict[str, Any]]:
    """A receipt, and the answer to its push."""
    answer = shop.push(phone).json()
    shop.simulator.settle()
    items = shop.bodies()[-1]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    shop.got.clear()
    return items[1]["Value"], answer


def result_codes(shop: Shop) -> list[Any]:
    return [body["Result"]["ResultCode"] for body in shop.bodies("/result")]


def test_reversal(shop: Shop) -> None:
    receipt, _ = paid(shop)
    answer = shop.reverse(receipt)
    assert shape(answer.json()) == shape(sample("initiator_ack_200"))
    shop.simulator.settle()
    (result,) = shop.bodies("/result/0123")
    assert shape(result) == shape(sample("reversal_result_success"))
    assert result["Result"]["ConversationID"] == answer.json()["ConversationID"]
    parameters = {p["Key"]: p["Value"] for p in result["Result"]["ResultParameters"]["ResultParameter"]}
    assert (parameters["OriginalTransactionID"], parameters["Amount"]) == (receipt, "622")
    shop.reverse(receipt)
    shop.simulator.settle()
    assert result_codes(shop) == [0, "R000001"]
    assert shape(shop.bodies()[1]) == shape(sample("reversal_result_fail_already_reversed"))
    shop.reverse("SZZZZZZZZZ")
    shop.simulator.settle()
    assert result_codes(shop)[2:] == ["R000002"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Initiator", None),
        ("SecurityCredential", ""),
        ("CommandID", "Reversal"),
        ("TransactionID", None),
        ("Amount", 622.5),
        ("Amount", 600),
        ("ReceiverParty", "600000"),
        ("RecieverIdentifierType", "4"),
        ("ResultURL", "https://shop.example/mpesa"),
        ("QueueTimeOutURL", None),
        ("Remarks", "x" * 101),
        ("Occasion", "x" * 101),
    ],
)
def test_reversal_names_a_wrong_field(shop: Shop, field: str, value: Any) -> None:
    receipt, _ = paid(shop)
    answer = shop.reverse(receipt, **{field: value})
    assert error_of(answer) == (400, "400.002.02", f"Bad Request - Invalid {field}")


def test_the_misspelling_is_required(shop: Shop) -> None:
    receipt, _ = paid(shop)
    answer = shop.reverse(receipt, RecieverIdentifierType=None, ReceiverIdentifierType="11")
    assert error_of(answer)[2] == "Bad Request - Invalid RecieverIdentifierType"


@pytest.mark.parametrize("wrong", ["password", "name", "no encryption", "other certificate"])
def test_a_wrong_initiator_shows_in_the_result(shop: Shop, wrong: str) -> None:
    receipt, _ = paid(shop)
    changes = {
        "password": {"SecurityCredential": shop.credential("wrong")},
        "name": {"Initiator": "somebody"},
        "no encryption": {"SecurityCredential": base64.b64encode(b"Safaricom999!*!").decode()},
        "other certificate": {"SecurityCredential": base64.b64encode(b"\x01" * 256).decode()},
    }[wrong]
    assert shop.reverse(receipt, **changes).status_code == 200
    shop.simulator.settle()
    assert result_codes(shop) == [2001]
    assert shape(shop.bodies()[0]) == shape(sample("b2c_result_fail_2001"))
    shop.reverse(receipt)
    shop.simulator.settle()
    assert result_codes(shop) == [2001, 0]  # the wrong one reversed nothing


@pytest.mark.parametrize("mode", REFUNDS)
def test_refund_modes(shop: Shop, mode: str) -> None:
    receipt, _ = paid(shop, phone_of(mode))
    if mode == "refund-dropped":
        with pytest.raises(requests.ConnectionError):
            shop.reverse(receipt)
    else:
        answer = shop.reverse(receipt)
        assert answer.status_code == (503 if mode == "refund-html-503" else 200)
        if mode == "refund-first":
            assert len(shop.got) == 1
    shop.simulator.settle()
    results, timeouts, back = REFUNDS[mode]
    assert result_codes(shop) == results
    assert len(shop.bodies("/timeout")) == timeouts
    shop.got.clear()
    shop.simulator.set_mode("mpesa", "refund-duplicate")  # a mode that reverses, to see whether it was
    shop.reverse(receipt)
    shop.simulator.settle()
    assert result_codes(shop) == (["R000001"] * 3 if back else [0, 0, 0])


def test_the_shapes_of_results(shop: Shop) -> None:
    shop.reverse(paid(shop, phone_of("refund-queue-timeout"))[0], Remarks="my words")
    shop.simulator.settle()
    assert shop.bodies("/timeout")[0]["Remarks"] == "my words"
    assert "SecurityCredential" in shop.bodies("/timeout")[0]
    shop.reverse(paid(shop, phone_of("refund-queue-result"))[0])
    shop.simulator.settle()
    assert shop.bodies("/timeout")[0]["Result"]["ResultCode"] == 1
    shop.reverse(paid(shop, phone_of("refund-single-parameter"))[0])
    shop.simulator.settle()
    assert shop.bodies("/result")[0]["Result"]["ResultParameters"]["ResultParameter"] == {
        "Key": "Amount",
        "Value": "622",
    }
    shop.reverse(paid(shop, phone_of("refund-swapped"))[0])
    shop.simulator.settle()
    result = shop.bodies("/result")[0]["Result"]
    assert isinstance(result["ResultParameter"]["ResultParameters"], list)
    assert "ResultParameters" not in result


def test_a_refund_mode_can_be_chosen_after_the_payment(shop: Shop) -> None:
    receipt, _ = paid(shop)
    shop.simulator.set_mode("mpesa", "refund-insufficient", times=1)
    shop.reverse(receipt)
    shop.simulator.settle()
    shop.reverse(receipt)
    shop.simulator.settle()
    assert result_codes(shop) == [1, 0]


def test_status(shop: Shop) -> None:
    receipt, answer = paid(shop)
    assert shop.ask_status(TransactionID=receipt).status_code == 200
    shop.simulator.settle()
    (result,) = shop.bodies("/result")
    parameters = {p["Key"]: p.get("Value") for p in result["Result"]["ResultParameters"]["ResultParameter"]}
    expected = sample("txnstatus_result_completed")["Result"]["ResultParameters"]["ResultParameter"]
    assert set(parameters) == {p["Key"] for p in expected}
    assert (parameters["ReceiptNo"], parameters["Amount"]) == (receipt, 622)
    assert parameters["TransactionStatus"] == "Completed"
    assert result["Result"]["TransactionID"] != receipt
    shop.got.clear()
    for name in ("MerchantRequestID", "CheckoutRequestID"):
        shop.ask_status(OriginalConversationID=answer[name])
    shop.simulator.settle()
    assert result_codes(shop) == [0, 0]
    reversal = shop.reverse(receipt).json()
    shop.simulator.settle()
    shop.got.clear()
    shop.ask_status(OriginalConversationID=reversal["OriginatorConversationID"])
    shop.ask_status(OriginalConversationID=reversal["ConversationID"])
    shop.ask_status(TransactionID="SZZZZZZZZZ")
    shop.simulator.settle()
    assert sorted(map(str, result_codes(shop))) == ["0", "0", "R000002"]
    assert error_of(shop.ask_status())[2] == "Bad Request - Invalid TransactionID"
    assert error_of(shop.ask_status(TransactionID=receipt, PartyA="600000"))[2].endswith("PartyA")
    assert error_of(shop.ask_status(TransactionID=receipt, IdentifierType="11"))[2].endswith("IdentifierType")


@pytest.mark.parametrize("mode", STATUSES)
def test_status_modes(shop: Shop, mode: str) -> None:
    receipt, _ = paid(shop, phone_of(mode))
    shop.ask_status(TransactionID=receipt)
    shop.simulator.settle()
    assert result_codes(shop) == []
    assert len(shop.bodies("/timeout")) == STATUSES[mode]


def b2c(shop: Shop, own_id: str, version: str = "v3", **changes: Any) -> requests.Response:
    document = shop.initiator(
        OriginatorConversationID=own_id,
        InitiatorName=shop.settings["MPESA_INITIATOR_NAME"],
        CommandID="BusinessPayment",
        Amount=50,
        PartyA=shop.settings["MPESA_B2C_SHORTCODE"],
        PartyB="254712345678",
        Occassion="R-1",
    )
    del document["Initiator"], document["Occasion"]
    return shop.daraja(f"/mpesa/b2c/{version}/paymentrequest", {**document, **changes})


def test_b2c(shop: Shop) -> None:
    answer = b2c(shop, "refund-1")
    assert answer.json()["OriginatorConversationID"] == "refund-1"
    assert error_of(b2c(shop, "refund-1"))[:2] == (500, "500.002.1001")
    shop.simulator.settle()
    (result,) = shop.bodies("/result")
    assert shape(result) == shape(sample("b2c_result_success"))
    assert b2c(shop, "", "v1").status_code == 200
    assert b2c(shop, "refund-2", SecurityCredential=shop.credential("wrong")).status_code == 200
    assert b2c(shop, "refund-3", PartyB=f"254{phone_of('refund-insufficient').replace(' ', '')[1:]}").ok
    assert b2c(shop, "refund-4", Amount=9).ok
    shop.simulator.settle()
    assert sorted(result_codes(shop)) == [0, 0, 1, 2, 2001]
    for field, value in (
        ("OriginatorConversationID", None),
        ("InitiatorName", None),
        ("CommandID", "Payment"),
        ("Amount", 1.5),
        ("PartyA", "174379"),
        ("PartyB", "0712345678"),
        ("Remarks", "x"),
    ):
        assert error_of(b2c(shop, "refund-5", **{field: value}))[2] == f"Bad Request - Invalid {field}"


# C2B


def register(shop: Shop, **changes: Any) -> requests.Response:
    document = {
        "ShortCode": shop.settings["MPESA_SHORTCODE"],
        "ResponseType": "Completed",
        "ConfirmationURL": f"{shop.address}/c2b/confirm",
        "ValidationURL": f"{shop.address}/c2b/validate",
    }
    return shop.daraja("/mpesa/c2b/v2/registerurl", {**document, **changes})


def test_register_once(shop: Shop) -> None:
    assert error_of(register(shop, ResponseType="Canceled"))[2] == "Bad Request - Invalid ResponseType"
    assert error_of(register(shop, ConfirmationURL="https://x.example/sql"))[2].endswith("ConfirmationURL")
    assert error_of(register(shop, ShortCode="600000"))[2].endswith("ShortCode")
    assert shape(register(shop).json()) == shape(sample("c2b_register_200"))
    assert error_of(register(shop)) == (500, "500.003.1001", "Urls are already registered.")


def test_a_customer_pays_the_paybill(shop: Shop) -> None:
    register(shop)
    shop.reply = b'{"ResultCode":"0","ResultDesc":"Accepted","ThirdPartyTransID":"ours-1"}'
    direct = {"phone": ANYBODY, "amount": 10, "account": "S1-000123"}
    receipt = shop.post("/_/direct/", direct).json()["receipt"]
    (validation,) = shop.bodies("/c2b/validate")
    (confirmation,) = shop.bodies("/c2b/confirm")
    assert shape(validation) == shape(sample("c2b_validation"))
    assert (validation["MSISDN"], validation["TransAmount"]) == ("254712345678", "10")
    assert shape(confirmation) == shape(sample("c2b_confirmation_v2_masked"))
    assert (confirmation["TransID"], confirmation["ThirdPartyTransID"]) == (receipt, "ours-1")
    assert (confirmation["MSISDN"], confirmation["BillRefNumber"]) == ("2547 ***** 678", "S1-000123")
    shop.ask_status(TransactionID=receipt)
    shop.simulator.settle()
    assert result_codes(shop) == [0]


def test_a_shop_refuses_a_payment(shop: Shop) -> None:
    register(shop)
    shop.reply = b'{"ResultCode":"C2B00012","ResultDesc":"Rejected"}'
    assert shop.simulator.pay_directly(ANYBODY, 10, "nonsense") == ""
    assert shop.bodies("/c2b/confirm") == []
    timeout = phone_of("c2b-validation-timeout")
    assert shop.simulator.pay_directly(timeout, 10, "nonsense") != ""  # ResponseType Completed decides
    assert len(shop.bodies("/c2b/confirm")) == 1


def test_simulated_c2b_and_the_confirmation_of_a_prompt(shop: Shop) -> None:
    register(shop)
    document = {
        "ShortCode": "174379",
        "CommandID": "CustomerPayBillOnline",
        "Amount": 5,
        "Msisdn": "254712345678",
        "BillRefNumber": "S1-000123",
    }
    assert shop.daraja("/mpesa/c2b/v2/simulate", document).json()["ResponseCode"] == "0"
    shop.simulator.settle()
    assert len(shop.bodies("/c2b/confirm")) == 1
    shop.push(phone_of("also-c2b"))
    shop.simulator.settle()
    items = shop.bodies("/stk")[0]["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    assert shop.bodies("/c2b/confirm")[1]["TransID"] == items[1]["Value"]
