"""Messages from the card gateway: signatures, claims, and that no bytes whatever break the reader."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.base import About, Gateway, Notice, Route, Status
from payments.cards import from_settings
from payments.errors import BadCallback
from payments.runtime import Runtime

SAMPLES = Path(__file__).parent / "samples"
VECTORS = json.loads((SAMPLES / "_test_vectors.json").read_text())
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
KEY = "sk_test_simulator_key"


def gateway_with(**settings: str) -> Gateway:
    names = {f"PAYMENT_GATEWAY_{name.upper()}": value for name, value in settings.items()}
    gateway = from_settings(
        {"PAYMENT_GATEWAY_BASE_URL": "http://127.0.0.1", "PAYMENT_GATEWAY_API_KEY": KEY, **names}, Runtime()
    )
    assert gateway is not None
    return gateway


PAYSTACK = gateway_with()
TIMED = gateway_with(
    secret="whsec_old,whsec_simulator",
    signature_scheme="t_v1",
    signature_header="Stripe-Signature",
)
STATIC = gateway_with(secret="static-word", signature_scheme="static", signature_header="verif-hash")
UNSIGNED = gateway_with(signature_scheme="none")


def sample(name: str) -> bytes:
    return (SAMPLES / f"card_{name}.json").read_bytes()


def read(body: bytes, gateway: Gateway = PAYSTACK) -> Notice:
    return gateway.read(Route.CALLBACK, body)


# Signatures


def test_paystack_vector() -> None:
    vector = VECTORS["paystack"]
    body, right = vector["raw_body"].encode(), vector["hex_hmac_sha512"]
    assert PAYSTACK.authentic({vector["header"]: right}, body, NOW) is True
    for header in ("", "x", right[:-1], right + "0", right[::-1], "é\ud800", right.encode().hex()):
        assert PAYSTACK.authentic({vector["header"]: header}, body, NOW) is False
    assert PAYSTACK.authentic({}, body, NOW) is False
    assert PAYSTACK.authentic({"x-other": right}, body, NOW) is False
    assert PAYSTACK.authentic({vector["header"]: right}, body + b" ", NOW) is False
    assert PAYSTACK.authentic({vector["header"]: right}, body.replace(b":", b": ", 1), NOW) is False


def test_other_digest_and_encoding() -> None:
    vector = VECTORS["generic_sha256_hex"]
    gateway = gateway_with(signature_digest="sha256", signature_header="X-Signature")
    assert (
        gateway.authentic({"x-signature": vector["hex_hmac_sha256"]}, vector["raw_body"].encode(), NOW)
        is True
    )
    vector = VECTORS["flutterwave_v4_style_base64_sha256"]
    gateway = gateway_with(
        signature_digest="sha256", signature_encoding="base64", signature_header="flutterwave-signature"
    )
    headers = {"flutterwave-signature": vector["base64_hmac_sha256"]}
    assert gateway.authentic(headers, vector["raw_body"].encode(), NOW) is True
    assert PAYSTACK.authentic(headers, vector["raw_body"].encode(), NOW) is False


def test_any_of_several_secrets_may_sign() -> None:
    body = b'{"event":"charge.success"}'
    gateway = gateway_with(secret=" new-secret , old-secret ")
    for secret in ("new-secret", "old-secret"):
        header = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
        assert gateway.authentic({"x-paystack-signature": header}, body, NOW) is True
    header = hmac.new(KEY.encode(), body, hashlib.sha512).hexdigest()
    assert gateway.authentic({"x-paystack-signature": header}, body, NOW) is False
    assert PAYSTACK.authentic({"x-paystack-signature": header}, body, NOW) is True


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(VECTORS["stripe"]["timestamp"] + seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "right"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)]
)
def test_timed_vector(seconds: float, right: bool) -> None:
    vector = VECTORS["stripe"]
    headers = {"stripe-signature": vector["header"]}
    assert TIMED.authentic(headers, vector["raw_body"].encode(), at(seconds)) is right


def test_timed_header_with_several_signatures() -> None:
    vector = VECTORS["stripe"]
    body, t, v1 = vector["raw_body"].encode(), vector["timestamp"], vector["header"].split("v1=")[1]

    def holds(header: str) -> bool | None:
        return TIMED.authentic({"stripe-signature": header}, body, at(0))

    assert holds(f"t={t},v1={'0' * 64},v1={v1}") is True
    assert holds(f"v1={v1}, v0=abc, t={t}") is True
    assert holds(f"t={t},v0={v1}") is False
    assert holds(f"t={t},v1=") is False
    assert holds(f"t={t + 1},v1={v1}") is False
    assert holds(f"t={t},t={t},v1={v1}") is False
    assert holds(f"t=-{t},v1={v1}") is False
    assert holds(f"t={'9' * 5000},v1={v1}") is False
    assert holds(f"t=٣,v1={v1}") is False
    assert holds(f"v1={v1}") is False
    assert holds(v1) is False
    assert holds("") is False


def test_static_word() -> None:
    body = sample("flutterwave_v3_webhook_charge_completed")
    assert STATIC.authentic({"verif-hash": "static-word"}, body, NOW) is True
    for word in ("static-wor", "STATIC-WORD", "", KEY):
        assert STATIC.authentic({"verif-hash": word}, body, NOW) is False


def test_unsigned_gateway() -> None:
    assert UNSIGNED.authentic({"x-paystack-signature": "x"}, b"\xff", NOW) is None


# Claims


def test_charge_success() -> None:
    notice = read(sample("paystack_webhook_charge_success"))
    assert (notice.about, notice.gateway_id, notice.reference) == (About.PAYMENT, "qTPrJoy9Bx", "qTPrJoy9Bx")
    result = notice.result
    assert (result.status, result.code, result.receipt) == (Status.SUCCEEDED, "charge.success", "302961")
    assert (result.amount, result.currency, dict(result.details)) == (Decimal("100.00"), "NGN", {})


@pytest.mark.parametrize(
    ("name", "status", "reference", "amount", "receipt"),
    [
        ("pending", Status.PENDING, "tvunjbbd_412829_4b18075d_c7had", "100.00", ""),
        ("processing", Status.PENDING, "tvunjbbd_412829_4b18075d_c7had", "100.00", ""),
        ("processed", Status.SUCCEEDED, "T2154954_412829_3be32076_6lcg3", "50.00", "132013318360"),
    ],
)
def test_refund_events(name: str, status: Status, reference: str, amount: str, receipt: str) -> None:
    notice = read(sample(f"paystack_webhook_refund_{name}"))
    assert (notice.about, notice.gateway_id, notice.reference) == (About.REFUND, "", reference)
    assert (notice.result.status, notice.result.code) == (status, f"refund.{name}")
    assert (str(notice.result.amount), notice.result.currency) == (amount, "NGN")
    assert (notice.result.receipt, notice.result.gateway_id) == (receipt, "")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("refund.failed", Status.DECLINED),
        ("refund.needs-attention", Status.UNKNOWN),
        ("refund.new", Status.UNKNOWN),
    ],
)
def test_refund_events_with_numbers(event: str, status: Status) -> None:
    data = {"status": "x", "transaction_reference": "T1", "amount": 10000, "id": "20430"}
    notice = read(json.dumps({"event": event, "data": data}).encode())
    assert (notice.result.status, notice.gateway_id, str(notice.result.amount)) == (status, "20430", "100.00")


def test_dispute_is_about_something_else() -> None:
    notice = read(sample("paystack_webhook_dispute_create"))
    assert (notice.about, notice.result.code) == (About.OTHER, "charge.dispute.create")
    assert (notice.reference, notice.result.status, notice.result.amount) == (
        "v3mjfgbnc19v97x",
        Status.UNKNOWN,
        None,
    )


def test_amount_in_the_major_unit() -> None:
    notice = read(sample("paystack_webhook_charge_success"), gateway_with(amount_unit="major"))
    assert str(notice.result.amount) == "10000.00"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("card_*.json")), ids=lambda path: path.stem)
def test_only_charge_success_claims_a_payment(path: Path) -> None:
    try:
        notice = read(path.read_bytes(), STATIC)
    except BadCallback:
        assert "webhook" not in path.name
        return
    assert (notice.about is About.PAYMENT) == (path.stem == "card_paystack_webhook_charge_success")


def test_messages_of_other_gateways_credit_nothing() -> None:
    notice = read(sample("flutterwave_v3_webhook_charge_completed"), STATIC)
    assert (notice.about, notice.result.status, notice.result.amount) == (About.OTHER, Status.UNKNOWN, None)
    with pytest.raises(BadCallback):
        read(sample("pesapal_ipn_body"), UNSIGNED)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"event":"charge.success"}',
        b'{"event":"charge.success","data":[]}',
        b'{"event":{},"data":{}}',
        b'{"event":"charge.success","data":{}}',
        b'{"event":"charge.success","data":{"reference":null}}',
        b'{"event":"refund.processed","data":{"amount":"5"}}',
        b'{"event":"charge.success","data":{"reference":"a","amount":NaN}}',
        b'{"event":"charge.success","data":{"reference":"a","amount":' + b"9" * 5000 + b"}}",
        b'{"event":"charge.success","data":' * 20_000,
        b"\xff\xfe",
    ],
)
def test_bad_messages(body: bytes) -> None:
    with pytest.raises(BadCallback):
        read(body)


def test_charge_success_of_an_unsuccessful_charge_is_pending() -> None:
    body = b'{"event":"charge.success","data":{"reference":"a","status":"failed","amount":1e999}}'
    notice = read(body)
    assert (notice.result.status, notice.result.amount) == (Status.PENDING, None)


def never_breaks(body: bytes) -> None:
    for gateway in (PAYSTACK, TIMED, STATIC, UNSIGNED):
        try:
            notice = gateway.read(Route.CALLBACK, body)
        except BadCallback:
            continue
        texts = (notice.gateway_id, notice.reference, notice.result.code, notice.result.receipt)
        assert all(text.isprintable() and len(text) <= 100 for text in texts)
        "".join(texts).encode()
        amount = notice.result.amount
        assert amount is None or (amount.is_finite() and amount >= 0)
        assert notice.about is About.OTHER or notice.reference


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**25, max_value=10**400)
    | st.floats()
    | st.sampled_from(["1e999", "NaN", "Infinity", "-0", "1_0", "9" * 400, "1e-999999999"])
    | st.text(st.characters())
    | st.text(st.characters(categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "id",
        "status",
        "reference",
        "amount",
        "currency",
        "transaction",
        "transaction_reference",
        "refund_reference",
    ]
)
events = st.sampled_from(["charge.success", "refund.processed", "refund.x", "charge.dispute.create", "x"])
webhooks = [path.read_bytes() for path in sorted(SAMPLES.glob("card_*webhook*.json"))]


@given(st.binary(max_size=300), st.text(), st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_any_bytes_and_any_header(body: bytes, header: str, packed: bytes) -> None:
    never_breaks(body)
    for text in (header, base64.b64encode(packed).decode(), f"t=1772355600,v1={header}", f"t={header},v1=a"):
        for gateway, name in (
            (PAYSTACK, "x-paystack-signature"),
            (TIMED, "stripe-signature"),
            (STATIC, "verif-hash"),
        ):
            assert gateway.authentic({name: text}, body, NOW) is (text.strip() == "static-word")


@given(
    values
    | st.fixed_dictionaries({"event": events | values, "data": st.dictionaries(names, values) | values})
)
@settings(max_examples=300, deadline=None)
def test_any_json(document: Any) -> None:
    never_breaks(json.dumps(document).encode())
    never_breaks(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(
    st.sampled_from(webhooks),
    st.integers(0, 1200),
    st.integers(0, 20),
    st.sampled_from([b"", b"\x00", b'"', b"{", b"1e999", b"NaN", b"\\ud800", b"9" * 5000, b"\xed\xa0\x80"]),
)
@settings(max_examples=300, deadline=None)
def test_damaged_samples(body: bytes, position: int, removed: int, added: bytes) -> None:
    never_breaks(body[:position] + added + body[position + removed :])
