"""Messages from Airtel: the hash, what they claim, and that no bytes whatever break the reader."""

import base64
import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.airtel import from_settings
from payments.base import About, Gateway, Notice, Route, Status
from payments.errors import BadCallback
from payments.runtime import Runtime

SAMPLES = Path(__file__).parent / "samples"
VECTOR = json.loads((SAMPLES / "_test_vectors.json").read_text())["airtel_callback"]
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def gateway_with(key: str) -> Gateway:
    credentials = {"AIRTEL_CLIENT_ID": "a", "AIRTEL_CLIENT_SECRET": "b", "AIRTEL_CALLBACK_KEY": key}
    gateway = from_settings(credentials, Runtime())
    assert gateway is not None
    return gateway


HASHED = gateway_with(VECTOR["key"])
PLAIN = gateway_with("")


def sample(name: str) -> bytes:
    return (SAMPLES / f"airtel_{name}.json").read_bytes()


def holds(body: bytes | str, gateway: Gateway = HASHED) -> bool | None:
    return gateway.authentic({}, body.encode() if isinstance(body, str) else body, NOW)


def digest(content: str) -> str:
    return base64.b64encode(
        hmac.digest(VECTOR["key"].encode(), content.encode("utf-8", "surrogatepass"), hashlib.sha256)
    ).decode()


def read(body: bytes | str, gateway: Gateway = HASHED) -> Notice:
    return gateway.read(Route.CALLBACK, body.encode() if isinstance(body, str) else body)


@pytest.mark.parametrize("name", ["callback_TS_unsigned", "callback_TS_signed_doc_hash"])
def test_samples_are_read(name: str) -> None:
    notice = read(sample(name))
    assert (notice.about, notice.gateway_id, notice.reference) == (About.PAYMENT, "BBZMiscxy", "")
    result = notice.result
    assert (result.status, result.code, result.gateway_id) == (Status.SUCCEEDED, "TS", "BBZMiscxy")
    assert (result.receipt, result.amount, result.message) == ("MP210603.1234.L06941", None, "")


@pytest.mark.parametrize(
    ("code", "status"),
    [("TF", Status.DECLINED), ("TIP", Status.PENDING), ("", Status.PENDING), (None, Status.PENDING)],
)
def test_other_claims(code: str | None, status: Status) -> None:
    notice = read(json.dumps({"transaction": {"id": 17, "status_code": code}}))
    assert (notice.result.status, notice.gateway_id, notice.result.receipt) == (status, "17", "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"transaction":[]}',
        b'{"transaction":{}}',
        b'{"transaction":{"id":""}}',
        b'{"transaction":{"id":{"a":1}}}',
        b'{"transaction":{"id":true}}',
        b'{"transaction":{"id":1e999}}',
        b'{"transaction":{"id":NaN}}',
        b'{"transaction":{"id":' + b"9" * 5000 + b"}}",
        b'{"transaction":{"id":"\\ud800\\u0000"}}',
        b"\xff\xfe\x00",
        b'{"transaction":' * 20_000,
        b"[" * 200_000,
    ],
)
def test_bad_messages(body: bytes) -> None:
    assert holds(body) is False
    if b"1e999" in body:
        assert read(body).gateway_id == "inf"  # a name nobody has
        return
    with pytest.raises(BadCallback):
        read(body)


@pytest.mark.parametrize(
    ("wire", "what"),
    [
        ("wire_body_variant_transaction", "the transaction as received"),
        ("wire_body_variant_without_hash", "the message without its hash"),
    ],
)
def test_vectors(wire: str, what: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="payments")
    assert holds(VECTOR[wire]) is True
    assert what in caplog.text
    assert holds(VECTOR[wire].replace("TS", "TF", 1)) is False
    assert holds(VECTOR[wire].replace("BBZMiscxy", "BBZMiscxz")) is False
    assert holds(VECTOR[wire], gateway_with("another key")) is False


def test_transaction_with_spaces_as_received_or_compact() -> None:
    spaced = '{ "id" : "A1", "message": "Paid \\u00e9", "status_code" :"TS"}'
    packed = '{"id":"A1","message":"Paid é","status_code":"TS"}'
    for covered in (spaced, packed):
        assert holds(f'{{"transaction": {spaced} , "hash" : "{digest(covered)}" }}') is True
        assert holds(f'{{"hash":"{digest(covered)}","transaction":{spaced}}}') is True


def test_spacing_outside_the_transaction_does_not_matter() -> None:
    body = sample("callback_TS_unsigned").decode()
    document = json.loads(body)
    document["hash"] = digest(VECTOR["transaction_raw"])
    assert holds(json.dumps(document, indent=4)) is True


def test_missing_wrong_or_strange_hash() -> None:
    transaction = VECTOR["transaction_raw"]
    for value in ('""', "null", "5", "[]", '"zITVAAGYSlzl1WkUQJn81kbpT5drH3koffT8jCkcJJA="', '"\\ud800é"'):
        assert holds(f'{{"transaction":{transaction},"hash":{value}}}') is False
    assert holds(sample("callback_TS_unsigned")) is False
    assert holds(sample("callback_TS_signed_doc_hash")) is False


def test_second_transaction_cannot_hide_behind_the_first() -> None:
    genuine = VECTOR["transaction_raw"]
    forged = genuine.replace("BBZMiscxy", "ANOTHER")
    for pair in ((genuine, forged), (forged, genuine)):
        body = f'{{"transaction":{pair[0]},"hash":"{digest(genuine)}","transaction":{pair[1]}}}'
        assert holds(body) is False


def test_nothing_may_follow_the_message() -> None:
    assert holds(VECTOR["wire_body_variant_transaction"] + " \r\n") is True
    assert holds(VECTOR["wire_body_variant_transaction"] + "{}") is False


def test_without_key_nothing_is_known() -> None:
    assert holds(VECTOR["wire_body_variant_transaction"], PLAIN) is None
    assert holds(b"\xff", PLAIN) is None


def never_breaks(body: bytes) -> None:
    for gateway in (HASHED, PLAIN):
        assert gateway.authentic({}, body, NOW) in ((False,) if gateway is HASHED else (None,))
        try:
            notice = gateway.read(Route.CALLBACK, body)
        except BadCallback:
            continue
        assert notice.about is About.PAYMENT
        assert notice.gateway_id
        texts = (notice.gateway_id, notice.result.code, notice.result.receipt)
        assert all(text.isprintable() and len(text) <= 100 for text in texts)
        "".join(texts).encode()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**25, max_value=10**400)
    | st.floats()
    | st.text(st.characters())
    | st.text(st.characters(categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
transactions = st.dictionaries(
    st.sampled_from(["id", "message", "status_code", "airtel_money_id", "x"]), values, max_size=5
)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes(body: bytes) -> None:
    never_breaks(body)


@given(values | st.fixed_dictionaries({"transaction": transactions | values}, optional={"hash": values}))
@settings(max_examples=300, deadline=None)
def test_any_json(document: Any) -> None:
    never_breaks(json.dumps(document).encode())
    never_breaks(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    never_breaks(json.dumps(document).encode("utf-16"))


@given(
    st.sampled_from([sample("callback_TS_unsigned"), sample("callback_TS_signed_doc_hash")]),
    st.integers(0, 400),
    st.integers(0, 20),
    st.sampled_from([b"", b"\x00", b'"', b"{", b"1e999", b"NaN", b"\\ud800", b"9" * 5000, b"\xed\xa0\x80"]),
)
@settings(max_examples=300, deadline=None)
def test_damaged_samples(body: bytes, position: int, removed: int, added: bytes) -> None:
    never_breaks(body[:position] + added + body[position + removed :])
