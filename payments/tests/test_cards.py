"""The card gateway against a small server that answers with the gateway's own bodies."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payments.base import Attempt, ChargeOrder, Gateway, RefundOrder, Result, Status
from payments.cards import from_settings
from payments.errors import Misconfigured, NotSent, OutcomeUnknown, RateLimited
from payments.runtime import Runtime
from payments.tests.test_http import DROP, HTML_502, Reply, Request, Stub, free_port, reply, serving

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
REFERENCE = "S1-000123-1"
INITIALIZE, VERIFY, REFUND = "/transaction/initialize", f"/transaction/verify/{REFERENCE}", "/refund"
KEY = "sk_test_simulator_key"
ORDER = ChargeOrder(
    reference=REFERENCE,
    amount=Decimal("1500.00"),
    currency="KES",
    callback_url="https://pos.example.co.ke/pay/card/return",
    account="S1-000123",
    description="Sale",
    email="customer@example.com",
)
ATTEMPT = Attempt(REFERENCE, REFERENCE, ORDER.amount, "KES", NOW - timedelta(minutes=1), "4099260516")
REFUND_ORDER = RefundOrder(
    reference="R-000045",
    payment=ATTEMPT,
    amount=Decimal("500.00"),
    currency="KES",
    phone_number="",
    reason="Returned item",
    requested_at=NOW - timedelta(minutes=10),
    sent_at=NOW - timedelta(minutes=10),
    result_url="",
    timeout_url="",
    status_url="",
    status_timeout_url="",
)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"card_paystack_{name}.json").read_text())


def gateway_at(server: Stub, **settings: str) -> Gateway:
    gateway = from_settings(
        {"PAYMENT_GATEWAY_BASE_URL": server.url, "PAYMENT_GATEWAY_API_KEY": KEY, **settings},
        Runtime(now=lambda: NOW),
    )
    assert gateway is not None
    return gateway


@pytest.fixture
def server() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


@pytest.fixture
def gateway(server: Stub) -> Gateway:
    return gateway_at(server)


def page(reference: str = REFERENCE, url: Any = "https://checkout.paystack.com/3ni8kdavz62431k") -> Reply:
    document = sample("initialize_200")
    document["data"] |= {"reference": reference, "authorization_url": url}
    return reply(200, document)


# The beginning of a payment


def test_initialize_is_the_documented_request(server: Stub, gateway: Gateway) -> None:
    server.on(INITIALIZE, page())
    result = gateway.start(ORDER)
    [request] = server.requests
    assert (request.method, request.path, request.document) == (
        "POST",
        INITIALIZE,
        sample("initialize_request"),
    )
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert (result.status, result.gateway_id) == (Status.PENDING, REFERENCE)
    assert result.payment_url == "https://checkout.paystack.com/3ni8kdavz62431k"
    assert (result.amount, result.receipt) == (None, "")


def test_sample_of_initialize_as_it_is(server: Stub, gateway: Gateway) -> None:
    server.on(INITIALIZE, reply(200, sample("initialize_200")))
    assert gateway.start(replace(ORDER, reference="re4lyvq3s3")).status is Status.PENDING
    # The page of another payment is shown to nobody.
    with pytest.raises(OutcomeUnknown):
        gateway.start(ORDER)


def test_settings_reach_the_request(server: Stub) -> None:
    server.on(INITIALIZE, page())
    gateway_at(
        server,
        PAYMENT_GATEWAY_AMOUNT_UNIT="major",
        PAYMENT_GATEWAY_EMAIL="till@shop.example",
        PAYMENT_GATEWAY_CHANNELS="card, mobile_money",
    ).start(replace(ORDER, email="", amount=Decimal("99.9")))
    document = server.requests[0].document
    assert (document["amount"], document["email"]) == ("99.90", "till@shop.example")
    assert document["channels"] == ["card", "mobile_money"]


def test_cents_are_exact(server: Stub, gateway: Gateway) -> None:
    server.on(INITIALIZE, page())
    gateway.start(replace(ORDER, amount=Decimal("1.15"), email=""))
    assert (server.requests[0].document["amount"], server.requests[0].document["email"]) == (
        "115",
        "customer@example.com",
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        5,
        "javascript:alert(1)",
        "ftp://a.example/",
        "//a.example",
        "https://",
        "https://[::1",
        "https://a b",
    ],
)
def test_page_that_no_browser_may_be_sent_to(server: Stub, gateway: Gateway, url: Any) -> None:
    server.on(INITIALIZE, page(url=url))
    with pytest.raises(OutcomeUnknown):
        gateway.start(ORDER)
    assert len(server.requests) == 1


def test_duplicate_reference_begins_no_second_payment(server: Stub, gateway: Gateway) -> None:
    server.on(INITIALIZE, reply(400, sample("initialize_400_duplicate_reference")))
    with pytest.raises(OutcomeUnknown, match="begun before"):
        gateway.start(ORDER)
    server.on(INITIALIZE, reply(400, {"status": False, "message": "Duplicate Transaction Reference"}))
    with pytest.raises(OutcomeUnknown, match="begun before"):
        gateway.start(ORDER)
    assert len(server.requests) == 2


def test_refused_beginning(server: Stub, gateway: Gateway) -> None:
    message = "Currency not supported by merchant 4111111111111111 254712345678."
    server.on(INITIALIZE, reply(400, {"status": False, "message": message, "code": "unsupported_currency"}))
    result = gateway.start(ORDER)
    assert (result.status, result.code) == (Status.DECLINED, "unsupported_currency")
    assert result.message == (
        "The card gateway refused to begin the payment: Currency not supported by merchant *** 25471***678."
    )
    server.on(INITIALIZE, reply(422, {"status": False}))
    assert gateway.start(ORDER).code == "http_422"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(401, sample("401_invalid_key")), Misconfigured),
        (reply(403, b""), Misconfigured),
        (reply(404, b"<html>"), Misconfigured),
        (reply(308, b"", location="https://elsewhere.example/"), OutcomeUnknown),
        (reply(429, {}), RateLimited),
        (reply(400, b"<html>"), OutcomeUnknown),
        (reply(408, {"status": False}), OutcomeUnknown),
        (reply(500, {"status": False, "message": "x"}), OutcomeUnknown),
        (HTML_502, OutcomeUnknown),
        (reply(200, b"<html>"), OutcomeUnknown),
        (reply(200, {"status": False, "message": "x"}), OutcomeUnknown),
        (reply(200, {"status": True, "data": []}), OutcomeUnknown),
        (DROP, OutcomeUnknown),
    ],
)
def test_other_answers_are_not_sent_again(
    server: Stub, gateway: Gateway, answer: Reply, error: type[Exception]
) -> None:
    server.on(INITIALIZE, answer)
    with pytest.raises(error) as caught:
        gateway.start(ORDER)
    assert type(caught.value) is error
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


def test_unreachable_gateway_was_not_sent() -> None:
    gateway = from_settings(
        {"PAYMENT_GATEWAY_BASE_URL": f"http://127.0.0.1:{free_port()}", "PAYMENT_GATEWAY_API_KEY": KEY},
        Runtime(),
    )
    assert gateway is not None
    with pytest.raises(NotSent):
        gateway.start(ORDER)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": Decimal("0.99")}, "amount_out_of_range"),
        ({"amount": Decimal("1000000.01")}, "amount_out_of_range"),
        ({"amount": Decimal("1.005")}, "amount_out_of_range"),
        ({"currency": "USD"}, "currency"),
    ],
)
def test_refused_without_asking(server: Stub, gateway: Gateway, change: dict[str, Any], code: str) -> None:
    result = gateway.start(replace(ORDER, **change))
    assert (result.status, result.code) == (Status.DECLINED, code)
    assert server.requests == []


# The verification


def ask(server: Stub, gateway: Gateway, name: str = "verify_200_kes_success", **changes: Any) -> Result:
    document = sample(name)
    document["data"] |= changes
    server.on(VERIFY, reply(200, document))
    return gateway.query(ATTEMPT)


def test_paid(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway)
    assert server.requests[0].method == "GET"
    assert (result.status, result.code, result.gateway_id) == (Status.SUCCEEDED, "success", REFERENCE)
    assert (str(result.amount), result.currency, result.receipt) == ("1500.00", "KES", "4099260516")
    assert result.details == {"brand": "visa", "last4": "4081", "fees": "102.83"}


def test_attempt_without_answer_is_asked_by_its_reference(server: Stub, gateway: Gateway) -> None:
    server.on(VERIFY, reply(200, sample("verify_200_kes_success")))
    assert gateway.query(replace(ATTEMPT, gateway_id="")).status is Status.SUCCEEDED


def test_fees_on_top_are_not_ours(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway, amount=160283)
    assert (result.status, str(result.amount)) == (Status.SUCCEEDED, "1500.00")
    assert (result.details["gateway_amount"], result.details["fees"]) == ("1602.83", "102.83")
    result = ask(server, gateway, amount=160283, fees=None)
    assert result.details["fees"] == "102.83"


@pytest.mark.parametrize(
    ("changes", "amount", "currency"),
    [
        ({"amount": 149999}, "1499.99", "KES"),
        ({"amount": 160283, "requested_amount": 140000}, "1602.83", "KES"),
        ({"amount": 160283, "requested_amount": None}, "1602.83", "KES"),
        ({"amount": 160283, "currency": "NGN"}, "1602.83", "NGN"),
        ({"amount": "150000", "currency": "KESX"}, "1500.00", "KESX"),
        ({"amount": 0, "currency": None}, "0.00", ""),
    ],
)
def test_what_was_really_paid_is_reported(
    server: Stub, gateway: Gateway, changes: dict[str, Any], amount: str, currency: str
) -> None:
    result = ask(server, gateway, **changes)
    assert (result.status, str(result.amount), result.currency) == (Status.SUCCEEDED, amount, currency)
    assert "gateway_amount" not in result.details


@pytest.mark.parametrize("amount", [None, "", "many", -1, 150000.5, True, [], 10**20])
def test_unreadable_amount_is_no_payment(server: Stub, gateway: Gateway, amount: Any) -> None:
    result = ask(server, gateway, amount=amount)
    assert (result.status, result.code, result.amount) == (Status.UNKNOWN, "amount_unreadable", None)


def test_amount_in_the_major_unit(server: Stub) -> None:
    gateway = gateway_at(server, PAYMENT_GATEWAY_AMOUNT_UNIT="major")
    result = ask(server, gateway, amount=1500.5, requested_amount=1500.5, fees=None)
    assert (str(result.amount), result.details) == ("1500.50", {"brand": "visa", "last4": "4081"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reference": "S1-000123-2"}, "reference_differs"),
        ({"reference": None}, "reference_differs"),
        ({"domain": "live"}, "domain_differs"),
        ({"domain": None}, "domain_differs"),
        ({"status": "strange"}, "strange"),
        ({"status": True}, "no_status"),
        ({"status": "SUCCESS"}, "SUCCESS"),
    ],
)
def test_what_may_not_be_acted_upon(
    server: Stub, gateway: Gateway, changes: dict[str, Any], code: str
) -> None:
    result = ask(server, gateway, **changes)
    assert (result.status, result.code, result.amount) == (Status.UNKNOWN, code, None)


def test_live_gateway_wants_live_payments(server: Stub) -> None:
    gateway = gateway_at(server, PAYMENT_GATEWAY_API_KEY="sk_live_abc")
    assert ask(server, gateway, domain="test").code == "domain_differs"
    assert ask(server, gateway, domain="live").status is Status.SUCCEEDED


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        [],
        "x",
        {"brand": "4111111111111111", "last4": "4111111111111111"},
        {"brand": 4, "last4": "٤٠٨١"},
        {"bin": "408408", "authorization_code": "AUTH_uh8bcl3zbn", "signature": "SIG_yEXu7dLBeqG0kU7g95Ke"},
    ],
)
def test_nothing_else_of_the_card_is_kept(server: Stub, gateway: Gateway, authorization: Any) -> None:
    result = ask(server, gateway, authorization=authorization)
    assert (result.status, result.details) == (Status.SUCCEEDED, {"fees": "102.83"})


def test_declined(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway, "verify_200_failed")
    assert (result.status, result.code, result.absent) == (Status.DECLINED, "failed", False)
    assert result.message == "The card was declined (Declined). Ask for another card, or take another method."
    result = ask(server, gateway, "verify_200_failed", gateway_response="Card 4084084084084081 stolen.")
    assert "(Card *** stolen)" in result.message
    assert "(no reason given)" in ask(server, gateway, "verify_200_failed", gateway_response=None).message


@pytest.mark.parametrize("word", ["abandoned", "ongoing", "pending", "processing", "queued"])
def test_still_open(server: Stub, gateway: Gateway, word: str) -> None:
    result = ask(server, gateway, status=word)
    assert (result.status, result.code, result.amount) == (Status.PENDING, word, None)


def test_reversed(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway, status="reversed")
    assert (result.status, result.code, result.details) == (Status.UNKNOWN, "reversed", {"reversed": "true"})


@pytest.mark.parametrize("status", [400, 404])
def test_absence_is_believed_after_three_minutes(server: Stub, gateway: Gateway, status: int) -> None:
    server.on(VERIFY, reply(status, sample("verify_400_not_found")))
    result = gateway.query(replace(ATTEMPT, started_at=NOW - timedelta(seconds=179)))
    assert (result.status, result.code, result.absent) == (Status.PENDING, "not_found", False)
    result = gateway.query(replace(ATTEMPT, started_at=NOW - timedelta(seconds=180)))
    assert (result.status, result.code, result.absent) == (Status.DECLINED, "not_found", True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(401, sample("401_invalid_key")), Misconfigured),
        (reply(404, b"<html>"), Misconfigured),
        (reply(429, {}), RateLimited),
        (HTML_502, OutcomeUnknown),
        (DROP, OutcomeUnknown),
        (reply(400, b""), OutcomeUnknown),
        (reply(422, {"status": False}), Status.UNKNOWN),
        (reply(200, {"status": False, "data": sample("verify_200_kes_success")["data"]}), Status.UNKNOWN),
        (reply(500, sample("verify_200_kes_success")), OutcomeUnknown),
        (reply(400, sample("verify_200_kes_success")), Status.UNKNOWN),
    ],
)
def test_verification_without_answer(server: Stub, gateway: Gateway, answer: Reply, expected: Any) -> None:
    server.on(VERIFY, answer)
    old = replace(ATTEMPT, started_at=NOW - timedelta(days=1))
    if isinstance(expected, Status):
        result = gateway.query(old)
        assert (result.status, result.absent) == (expected, False)
    else:
        with pytest.raises(expected):
            gateway.query(old)


# Refunds


def refund_record(**changes: Any) -> dict[str, Any]:
    """The official record of a new refund, made to be the refund of our payment."""
    record: dict[str, Any] = sample("refund_200_queued")["data"]
    record["transaction"] |= {"id": 4099260516, "reference": REFERENCE, "domain": "test"}
    record |= {"domain": "test", "amount": 50000, "currency": "KES", "merchant_note": "R-000045"}
    return record | changes


def queued(**changes: Any) -> Reply:
    return reply(200, {**sample("refund_200_queued"), "data": refund_record(**changes)})


def test_refund_is_the_documented_request(server: Stub, gateway: Gateway) -> None:
    server.on(REFUND, queued())
    result = gateway.refund(REFUND_ORDER)
    [request] = server.requests
    assert (request.method, request.document) == ("POST", sample("refund_request"))
    assert (result.status, result.code, result.gateway_id) == (Status.PENDING, "pending", "3018284")
    assert (str(result.amount), result.currency) == ("500.00", "KES")


def test_samples_of_refunds_as_they_are(server: Stub) -> None:
    gateway = gateway_at(server, PAYMENT_GATEWAY_API_KEY="sk_live_abc", CURRENCY="NGN")
    paid = replace(ATTEMPT, reference="T685312322670591", gateway_id="", currency="NGN", receipt="1004723697")
    order = replace(REFUND_ORDER, payment=paid, amount=Decimal("100.00"), currency="NGN")
    server.on(REFUND, reply(200, sample("refund_200_queued")))
    assert gateway.refund(order).gateway_id == "3018284"
    server.on("/refund/1", reply(200, sample("refund_fetch_200_processed")))
    order = replace(order, payment=replace(paid, receipt="1641"), amount=Decimal("5000.00"), gateway_id="1")
    result = gateway.query_refund(order)
    assert (result.status, result.code, str(result.amount)) == (Status.SUCCEEDED, "processed", "5000.00")
    assert server.requests[-1].method == "GET"


STATUSES = [
    ("pending", Status.PENDING),
    ("processing", Status.PENDING),
    ("processed", Status.SUCCEEDED),
    ("failed", Status.DECLINED),
    ("needs-attention", Status.DECLINED),
    ("strange", Status.UNKNOWN),
    (None, Status.UNKNOWN),
]


@pytest.mark.parametrize(("word", "status"), STATUSES)
def test_statuses_of_a_refund(server: Stub, gateway: Gateway, word: str | None, status: Status) -> None:
    server.on(REFUND, queued(status=word))
    assert gateway.refund(REFUND_ORDER).status is status
    server.on("/refund/3018284", queued(status=word, transaction=4099260516))
    result = gateway.query_refund(replace(REFUND_ORDER, gateway_id="3018284"))
    assert (result.status, result.gateway_id, result.absent) == (status, "3018284", False)


DIFFERENCES: list[tuple[dict[str, Any], str]] = [
    ({"amount": 50001}, "amount_differs"),
    ({"amount": "many"}, "amount_differs"),
    ({"currency": "NGN"}, "currency_differs"),
    ({"domain": "live"}, "domain_differs"),
    ({"transaction": 17}, "transaction_differs"),
    ({"transaction": {"id": 4099260516, "reference": "S1-000123-2"}}, "transaction_differs"),
]


@pytest.mark.parametrize(("changes", "code"), DIFFERENCES)
def test_another_refund_is_not_ours(
    server: Stub, gateway: Gateway, changes: dict[str, Any], code: str
) -> None:
    changes = {"status": "processed", **changes}
    server.on(REFUND, queued(**changes))
    result = gateway.refund(REFUND_ORDER)
    assert (result.status, result.code) == (Status.UNKNOWN, code)
    server.on("/refund/3018284", queued(**changes))
    result = gateway.query_refund(replace(REFUND_ORDER, gateway_id="3018284"))
    assert (result.status, result.code, result.absent) == (Status.UNKNOWN, code, False)
    server.on("/refund/3018284", queued(id=3018285))
    assert gateway.query_refund(replace(REFUND_ORDER, gateway_id="3018284")).code == "id_differs"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(400, {"status": False, "message": "Refund amount cannot be more"}), Status.DECLINED),
        (reply(404, {"status": False, "message": "Transaction not found"}), Status.DECLINED),
        (reply(401, sample("401_invalid_key")), Misconfigured),
        (reply(429, {}), RateLimited),
        (reply(400, b"<html>"), OutcomeUnknown),
        (reply(200, {"status": False}), OutcomeUnknown),
        (HTML_502, OutcomeUnknown),
        (DROP, OutcomeUnknown),
    ],
)
def test_other_answers_to_a_refund(server: Stub, gateway: Gateway, answer: Reply, expected: Any) -> None:
    server.on(REFUND, answer)
    if isinstance(expected, Status):
        assert gateway.refund(REFUND_ORDER).status is expected
    else:
        with pytest.raises(expected):
            gateway.refund(REFUND_ORDER)
    assert len(server.requests) == 1


def test_reason_is_blanked(server: Stub, gateway: Gateway) -> None:
    server.on(REFUND, queued())
    gateway.refund(replace(REFUND_ORDER, reason="call 0712345678 card 4111 1111 1111 1111\n"))
    assert server.requests[0].document["customer_note"] == "call 071***678 card ***"


# Finding a refund whose answer was lost


def listing(*pages: list[Any], total: int | None = None) -> Any:
    """Answers each `page` of the list."""

    def answer(request: Request) -> Reply:
        number = int(request.query["page"])
        document: dict[str, Any] = {"status": True, "message": "Refunds retrieved"}
        document["data"] = pages[number - 1] if number <= len(pages) else []
        if total is not None:
            document["meta"] = {"total": total, "page": number, "perPage": 100}
        return reply(200, document)

    return answer


def others(count: int, start: int = 1) -> list[dict[str, Any]]:
    return [refund_record(id=start + n, merchant_note=f"R-9{start + n}") for n in range(count)]


def test_lost_refund_is_found(server: Stub, gateway: Gateway) -> None:
    server.on(REFUND, listing([*others(3), refund_record(status="processed")], total=4))
    result = gateway.query_refund(REFUND_ORDER)
    assert (result.status, result.gateway_id, result.absent) == (Status.SUCCEEDED, "3018284", False)
    [request] = server.requests
    assert (request.method, request.query) == (
        "GET",
        {"from": "2026-03-01T07:50:00.000Z", "perPage": "100", "page": "1"},
    )


@pytest.mark.parametrize("transaction", [4099260516, "4099260516", REFERENCE, {"id": 4099260516}, None])
def test_transaction_may_be_named_in_many_ways(server: Stub, gateway: Gateway, transaction: Any) -> None:
    server.on(REFUND, listing([refund_record(transaction=transaction)], total=1))
    assert gateway.query_refund(REFUND_ORDER).status is Status.PENDING


def test_lost_refund_on_a_later_page(server: Stub, gateway: Gateway) -> None:
    server.on(REFUND, listing(others(100), [*others(99, 101), refund_record()], total=200))
    assert gateway.query_refund(REFUND_ORDER).gateway_id == "3018284"
    assert [request.query["page"] for request in server.requests] == ["1", "2"]


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (listing([], total=0), 1),
        (listing(others(3), total=3), 1),
        (listing(others(50), others(50, 51), others(3, 101), total=103), 3),
        (listing([]), 1),
        (listing(others(3)), 2),  # without a total the end is an empty page
        (reply(200, {"status": True, "data": others(3)}), 2),  # or the same page again
    ],
)
def test_refund_that_never_arrived(server: Stub, gateway: Gateway, answer: Any, asked: int) -> None:
    server.on(REFUND, answer)
    result = gateway.query_refund(REFUND_ORDER)
    assert (result.status, result.code, result.absent) == (Status.UNKNOWN, "not_found", True)
    assert len(server.requests) == asked


def test_absence_of_a_refund_is_believed_after_three_minutes(server: Stub, gateway: Gateway) -> None:
    server.on(REFUND, listing([], total=0))
    result = gateway.query_refund(replace(REFUND_ORDER, sent_at=NOW - timedelta(seconds=179)))
    assert (result.status, result.code, result.absent) == (Status.PENDING, "not_found", False)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (listing(others(3), total=4), "list_incomplete"),
        (reply(200, {"status": True, "data": others(100)}), "list_incomplete"),
        (reply(200, {"status": True, "data": [5]}), "list_incomplete"),
        (reply(200, {"status": True, "data": {}}), "list_incomplete"),
        (reply(200, {"status": False, "data": []}), "list_incomplete"),
        (reply(400, {"status": False}), "list_incomplete"),
        (listing(*[others(100, 1 + 100 * n) for n in range(21)], total=2100), "list_incomplete"),
        (listing([refund_record(merchant_note=None)], total=1), "note_missing"),
        (listing([refund_record(), refund_record(id=2)], total=2), "several_found"),
        *[(listing([refund_record(**changes)], total=1), code) for changes, code in DIFFERENCES],
    ],
)
def test_doubtful_list_never_means_absent(server: Stub, gateway: Gateway, answer: Any, code: str) -> None:
    server.on(REFUND, answer)
    result = gateway.query_refund(REFUND_ORDER)
    assert (result.status, result.code, result.absent) == (Status.UNKNOWN, code, False)


def test_unanswered_list(server: Stub, gateway: Gateway) -> None:
    server.on(REFUND, listing(others(100), total=101), HTML_502)
    with pytest.raises(OutcomeUnknown):
        gateway.query_refund(REFUND_ORDER)


def test_known_refund_that_the_gateway_denies(server: Stub, gateway: Gateway) -> None:
    server.on("/refund/7", reply(404, {"status": False, "message": "Refund not found"}))
    result = gateway.query_refund(replace(REFUND_ORDER, gateway_id="7"))
    assert (result.status, result.code, result.absent) == (Status.UNKNOWN, "http_404", False)


# Settings

SETTINGS = {"PAYMENT_GATEWAY_BASE_URL": "https://api.paystack.co", "PAYMENT_GATEWAY_API_KEY": KEY}


def test_without_credentials_there_is_no_gateway() -> None:
    assert from_settings({}, Runtime()) is None
    assert from_settings({"PAYMENT_GATEWAY_BASE_URL": "https://api.paystack.co"}, Runtime()) is None


def test_secret_alone_is_also_the_key(server: Stub) -> None:
    server.on(INITIALIZE, page())
    gateway = gateway_at(server, PAYMENT_GATEWAY_API_KEY="", PAYMENT_GATEWAY_SECRET="first,second")
    gateway.start(ORDER)
    assert server.requests[0].headers["authorization"] == "Bearer first"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"PAYMENT_GATEWAY_BASE_URL": ""}, ["BASE_URL"]),
        ({"PAYMENT_GATEWAY_BASE_URL": "api.paystack.co"}, ["BASE_URL"]),
        ({"PAYMENT_GATEWAY_BASE_URL": "http://[::1"}, ["BASE_URL"]),
        (
            {
                "PAYMENT_GATEWAY_BASE_URL": "http://api.paystack.co",
                "PAYMENT_GATEWAY_API_KEY": "sk_live_hidden",
            },
            ["BASE_URL", "API_KEY"],
        ),
        ({"PAYMENT_GATEWAY_API_KEY": "hidden\nkey"}, ["API_KEY"]),
        ({"PAYMENT_GATEWAY_MODE": "live"}, ["MODE", "API_KEY"]),
        ({"PAYMENT_GATEWAY_MODE": "demo"}, ["MODE"]),
        ({"PAYMENT_GATEWAY_SIGNATURE_SCHEME": "rsa"}, ["SIGNATURE_SCHEME"]),
        ({"PAYMENT_GATEWAY_SIGNATURE_SCHEME": "static"}, ["SECRET", "SIGNATURE_SCHEME"]),
        ({"PAYMENT_GATEWAY_SIGNATURE_DIGEST": "md5"}, ["SIGNATURE_DIGEST"]),
        ({"PAYMENT_GATEWAY_SIGNATURE_ENCODING": "utf"}, ["SIGNATURE_ENCODING"]),
        ({"PAYMENT_GATEWAY_SIGNATURE_TOLERANCE": "-5"}, ["SIGNATURE_TOLERANCE"]),
        ({"PAYMENT_GATEWAY_AMOUNT_UNIT": "cents"}, ["AMOUNT_UNIT"]),
        ({"PAYMENT_GATEWAY_EMAIL": "nobody"}, ["EMAIL"]),
        ({"PAYMENT_GATEWAY_MAX_AMOUNT": "0"}, ["MAX_AMOUNT"]),
    ],
)
def test_wrong_settings_are_named_without_their_values(changes: dict[str, str], names: list[str]) -> None:
    with pytest.raises(Misconfigured) as caught:
        from_settings({**SETTINGS, **changes}, Runtime())
    sentence = str(caught.value)
    assert all(f"PAYMENT_GATEWAY_{name}" in sentence for name in names)
    assert not any(word in sentence for word in (KEY, "hidden", "paystack.co"))


@pytest.mark.parametrize(
    ("changes", "environment"),
    [
        ({}, "sandbox"),
        ({"PAYMENT_GATEWAY_API_KEY": "sk_live_abc"}, "production"),
        ({"PAYMENT_GATEWAY_API_KEY": "abc"}, "production"),
        ({"PAYMENT_GATEWAY_API_KEY": "abc", "PAYMENT_GATEWAY_MODE": "test"}, "sandbox"),
    ],
)
def test_environment(changes: dict[str, str], environment: str) -> None:
    gateway = from_settings({**SETTINGS, **changes}, Runtime())
    assert gateway is not None
    assert gateway.environment == environment


def test_defaults() -> None:
    gateway = from_settings(SETTINGS, Runtime())
    assert gateway is not None
    able = gateway.capabilities
    assert (gateway.method, able.label, gateway.id_of(REFERENCE)) == ("card", "Card payment", REFERENCE)
    assert (able.needs_phone, able.whole_units, able.hosted_page) == (False, False, True)
    assert (able.minimum, able.maximum, able.currencies) == (1, 1000000, frozenset({"KES"}))
    assert (able.refunds, able.partial_refunds) == (True, True)
    assert (able.callback_is_proof, able.query_by_reference) == (False, True)
    assert gateway.acknowledgement == {"status": True}


def test_no_secret_in_any_representation_or_log(server: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="payments")
    gateway = gateway_at(server, PAYMENT_GATEWAY_SECRET="whsec_simulator")
    server.on(INITIALIZE, page())
    gateway.start(ORDER)
    told = f"{caplog.text} {gateway!r} {vars(gateway)!r}"
    assert KEY not in told
    assert "whsec_simulator" not in told
