"""Airtel Money against a small server that answers with Airtel's own bodies."""

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from payments.airtel import from_settings
from payments.airtel.signing import public_key, sealed_text, signature
from payments.base import Attempt, ChargeOrder, Gateway, RefundOrder, Result, Status
from payments.errors import Misconfigured, NotSent, OutcomeUnknown, RateLimited
from payments.runtime import MemoryBudget, MemoryTokens, Runtime
from payments.tests.test_http import DROP, HTML_502, Reply, Request, Stub, free_port, reply, serving

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
OUR_ID = "5f0d2f0c6c1e4a5b8a6d000000000123"
TOKEN, PUSH, SIGNED = "/auth/oauth2/token", "/merchant/v1/payments/", "/merchant/v2/payments/"
KEYS, REFUND = "/v1/rsa/encryption-keys", "/standard/v1/payments/refund"
ENQUIRY = f"/standard/v1/payments/{OUR_ID}"
SECRETS = ("the-client-secret", "DHeopO4IXBaAGUcZpXgymyfSkFtjvHJz", "733123456", "the-client-id")
SETTINGS = {"AIRTEL_CLIENT_ID": "the-client-id", "AIRTEL_CLIENT_SECRET": "the-client-secret"}
ORDER = ChargeOrder(
    reference="5f0d2f0c-6c1e-4a5b-8a6d-000000000123",
    amount=Decimal("1000.00"),
    currency="KES",
    callback_url="https://pos.example.co.ke/hook",
    account="S1-000123",
    description="Sale",
    phone_number="254733123456",
)
ATTEMPT = Attempt(
    ORDER.reference, OUR_ID, ORDER.amount, "KES", NOW - timedelta(minutes=1), "CI210104.1105.C00018"
)
REFUND_ORDER = RefundOrder(
    reference="9f0d2f0c-6c1e-4a5b-8a6d-000000000999",
    payment=ATTEMPT,
    amount=Decimal("1000.00"),
    currency="KES",
    phone_number="254733123456",
    reason="returned",
    requested_at=NOW,
    result_url="",
    timeout_url="",
    status_url="",
    status_timeout_url="",
)


class Unlimited(MemoryBudget):
    def take(self, name: str, per_minute: float) -> float:
        return 0.0


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"airtel_{name}.json").read_text())


def runtime() -> Runtime:
    return Runtime(MemoryTokens(), Unlimited(), lambda: NOW)


def gateway_at(server: Stub, kept: Runtime | None = None, **settings: str) -> Gateway:
    gateway = from_settings({**SETTINGS, "AIRTEL_BASE_URL": server.url, **settings}, kept or runtime())
    assert gateway is not None
    return gateway


@pytest.fixture
def server() -> Iterator[Stub]:
    with serving() as stub:
        stub.on(TOKEN, reply(200, sample("oauth_200")))
        stub.on(PUSH, reply(200, sample("push_200_accepted")))
        yield stub


@pytest.fixture
def gateway(server: Stub) -> Gateway:
    return gateway_at(server)


def codes(response_code: str, result_code: str = "", **more: Any) -> dict[str, Any]:
    return {"status": {"response_code": response_code, "result_code": result_code, "success": False, **more}}


def enquiry(status: str, response_code: str = "", our_id: str = OUR_ID, **more: str) -> dict[str, Any]:
    return {"data": {"transaction": {"id": our_id, "status": status, **more}}, **codes(response_code)}


# The push


def test_push_is_the_documented_request(server: Stub, gateway: Gateway) -> None:
    result = gateway.start(ORDER)
    token, push = server.requests
    assert (token.method, token.path) == ("POST", TOKEN)
    assert token.document == {
        "client_id": "the-client-id",
        "client_secret": "the-client-secret",
        "grant_type": "client_credentials",
    }
    assert (push.method, push.path) == ("POST", PUSH)
    assert push.document == sample("push_request_ke")
    assert push.body == json.dumps(sample("push_request_ke"), separators=(",", ":")).encode()
    assert push.headers["authorization"] == "Bearer DHeopO4IXBaAGUcZpXgymyfSkFtjvHJz"
    assert (push.headers["x-country"], push.headers["x-currency"]) == ("KE", "KES")
    assert "x-signature" not in push.headers
    assert (result.status, result.code, result.gateway_id) == (Status.PENDING, "DP00800001006", OUR_ID)
    assert (result.receipt, result.amount, result.absent) == ("", None, False)


def test_account_is_cut_to_letters_and_digits(server: Stub, gateway: Gateway) -> None:
    gateway.start(replace(ORDER, account="Mayai & Më " + "x" * 100))
    gateway.start(replace(ORDER, account="--"))
    assert [push.document["reference"] for push in server.to(PUSH)] == ["MayaiM" + "x" * 58, OUR_ID]


@pytest.mark.parametrize(
    "document",
    [
        sample("push_200_accepted"),
        sample("push_200_accepted_variant"),
        {"data": {"transaction": {"id": OUR_ID, "status": "SUCCESS"}}, "status": {"success": False}},
        codes("DP00800001006", "ESB000010"),
        codes("DP00800001000", "ESB000041", code="500", message="External Transaction ID already exists."),
    ],
)
def test_taken_in_means_pending_and_never_paid(server: Stub, gateway: Gateway, document: Any) -> None:
    server.on(PUSH, reply(200, document))
    result = gateway.start(ORDER)
    assert (result.status, result.gateway_id, result.amount) == (Status.PENDING, OUR_ID, None)


@pytest.mark.parametrize(
    ("status", "document", "code", "word"),
    [
        (200, sample("error_200_bad_msisdn_length"), "DP00900001013", "phone number"),
        (200, sample("error_200_missing_currency"), "DP00900001013", "invalid"),
        (200, sample("error_200_invalid_amount"), "DP00900001004", "amount"),
        (200, codes("DP00800001000", "ESB000033"), "DP00800001000", "phone number"),
        (200, codes("", "ESB000036"), "ESB000036", "phone number"),
        (200, codes("DP00800001003", "ESB000011"), "DP00800001003", "above"),
        (200, codes("DP00800001004"), "DP00800001004", "below"),
        (400, codes("DP00800001008", "ESB000011"), "DP00800001008", "refused"),
    ],
)
def test_refused_push(
    server: Stub, gateway: Gateway, status: int, document: Any, code: str, word: str
) -> None:
    server.on(PUSH, reply(status, document))
    result = gateway.start(ORDER)
    assert (result.status, result.code) == (Status.DECLINED, code)
    assert word in result.message
    assert len(server.to(PUSH)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, codes("DP00800001000", "ESB000008")),
        reply(200, codes("DP00800001024")),
        reply(200, codes("DP00800009999", "ESB009999")),
        reply(200, codes("", "ESB000011")),
        reply(200, codes("DP00800001025")),
        reply(408, {"status_message": "I/O Exception", "status_code": "CONNECTION_TIMEOUT"}),
        reply(400, {"status_code": "ROUTER117", "status_message": "Request timeout"}),
        reply(200, {}),
        reply(200, b""),
        reply(200, b"<html>login</html>"),
        reply(500, b"Internal Server Error"),
        HTML_502,
        reply(503, codes("DP00800001002")),
        reply(504, b""),
        DROP,
    ],
)
def test_unclear_push_is_sent_once_and_asked_about(server: Stub, gateway: Gateway, answer: Reply) -> None:
    server.on(PUSH, answer)
    with pytest.raises(OutcomeUnknown):
        gateway.start(ORDER)
    assert len(server.to(PUSH)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        *[
            reply(400, {"status_code": f"ROUTER{number}", "status_message": "x"})
            for number in ("001", "003", "005", "006", "007", "110", "112", "119")
        ],
        *[reply(200, codes("DP00800001000", f"ESB0000{number}")) for number in ("34", "35", "39")],
        reply(200, codes("DP00800001010")),
        reply(200, codes("DP00800001026")),  # we did not sign at all
        reply(401, {"error": "unauthorized"}),
        reply(403, b"<html>Forbidden</html>"),
        reply(404, b"<html>no such page</html>"),
    ],
)
def test_push_that_shows_wrong_settings(server: Stub, gateway: Gateway, answer: Reply) -> None:
    server.on(PUSH, answer)
    with pytest.raises(Misconfigured):
        gateway.start(ORDER)
    assert len(server.to(PUSH)) == 1


def test_too_many_requests(server: Stub, gateway: Gateway) -> None:
    server.on(PUSH, reply(429, {}, retry_after="17"))
    with pytest.raises(RateLimited) as caught:
        gateway.start(ORDER)
    assert caught.value.retry_after == 17.0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": Decimal("10.50")}, "amount_not_whole"),
        ({"amount": Decimal("0.00")}, "amount_out_of_range"),
        ({"amount": Decimal("150001.00")}, "amount_out_of_range"),
        ({"currency": "UGX"}, "currency"),
        ({"phone_number": "256733123456"}, "phone_number"),
        ({"phone_number": "0733123456"}, "phone_number"),
        ({"phone_number": ""}, "phone_number"),
    ],
)
def test_refused_without_asking(server: Stub, gateway: Gateway, change: dict[str, Any], code: str) -> None:
    result = gateway.start(replace(ORDER, **change))
    assert (result.status, result.code) == (Status.DECLINED, code)
    assert server.requests == []


# The access token


def test_token_is_shared_until_shortly_before_its_end(server: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("payments.runtime.time.monotonic", lambda: clock[0])
    kept = runtime()
    gateway_at(server, kept).start(ORDER)
    clock[0] += 164.0
    gateway_at(server, kept).start(ORDER)
    assert len(server.to(TOKEN)) == 1
    clock[0] += 2.0
    gateway_at(server, kept).start(ORDER)
    assert len(server.to(TOKEN)) == 2


def test_lifetime_may_be_text(server: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("payments.runtime.time.monotonic", lambda: clock[0])
    server.on(TOKEN, reply(200, {**sample("oauth_200"), "expires_in": "60"}))
    gateway = gateway_at(server)
    gateway.start(ORDER)
    clock[0] += 46.0
    gateway.start(ORDER)
    assert len(server.to(TOKEN)) == 2


def test_applications_do_not_share_tokens(server: Stub) -> None:
    kept = runtime()
    gateway_at(server, kept).start(ORDER)
    gateway_at(server, kept, AIRTEL_CLIENT_ID="another").start(ORDER)
    gateway_at(server, kept, AIRTEL_ENVIRONMENT="production").start(ORDER)
    assert len(server.to(TOKEN)) == 3
    assert isinstance(kept.tokens, MemoryTokens)
    assert not any("the-client-id" in name for name in kept.tokens._kept)


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_token_is_renewed_once(server: Stub, gateway: Gateway, status: int) -> None:
    server.on(TOKEN, reply(200, {"access_token": "old"}), reply(200, {"access_token": "new"}))
    server.on(PUSH, reply(status, sample("error_401_invalid_token")), reply(200, sample("push_200_accepted")))
    assert gateway.start(ORDER).status is Status.PENDING
    assert [push.headers["authorization"] for push in server.to(PUSH)] == ["Bearer old", "Bearer new"]
    first, second = server.to(PUSH)
    assert first.body == second.body


def test_token_rejected_twice_was_not_sent(server: Stub, gateway: Gateway) -> None:
    server.on(PUSH, reply(401, sample("error_401_invalid_token")))
    with pytest.raises(NotSent):
        gateway.start(ORDER)
    assert (len(server.to(TOKEN)), len(server.to(PUSH))) == (2, 2)


def test_wrong_credentials(server: Stub, gateway: Gateway) -> None:
    server.on(TOKEN, reply(400, sample("oauth_400_invalid_client")))
    with pytest.raises(Misconfigured, match="AIRTEL_CLIENT_SECRET"):
        gateway.start(ORDER)
    assert server.to(PUSH) == []


@pytest.mark.parametrize(
    "answer",
    [
        DROP,
        HTML_502,
        reply(200, {}),
        reply(200, {"access_token": "with space"}),
        reply(200, {"access_token": "line\r\nX-Injected: 1"}),
        reply(200, {"access_token": 5}),
        reply(500, {"access_token": "abc"}),
        reply(429, {}),
    ],
)
def test_without_token_nothing_was_sent(server: Stub, gateway: Gateway, answer: Reply) -> None:
    server.on(TOKEN, answer)
    with pytest.raises(NotSent):
        gateway.start(ORDER)
    assert server.to(PUSH) == []


def test_unreachable_gateway_was_not_sent() -> None:
    gateway = from_settings({**SETTINGS, "AIRTEL_BASE_URL": f"http://127.0.0.1:{free_port()}"}, runtime())
    assert gateway is not None
    with pytest.raises(NotSent):
        gateway.start(ORDER)


# Signed pushes

PRIVATE = rsa.generate_private_key(65537, 2048)
OTHER_PRIVATE = rsa.generate_private_key(65537, 2048)


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def keys_answer(key: rsa.RSAPrivateKey, valid_upto: str = "12-08-2030 21:29:26") -> Reply:
    document = sample("encryption_keys_200")
    document["data"] |= {"key": der(key), "valid_upto": valid_upto}
    return reply(200, document)


def signed_text(request: Request, key: rsa.RSAPrivateKey) -> bytes:
    """What the signature of `request` says the body is."""
    sealed = key.decrypt(base64.b64decode(request.headers["x-key"]), PKCS1v15())
    secret, vector = (base64.b64decode(part) for part in sealed.split(b":"))
    # With a wrong key the library does not complain but makes up something else.
    if (len(secret), len(vector), len(sealed)) != (32, 16, 69):
        raise ValueError(request.path)
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).decryptor()
    padded = decryptor.update(base64.b64decode(request.headers["x-signature"])) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def checked(key: rsa.RSAPrivateKey) -> Any:
    def answer(request: Request) -> Reply:
        try:
            right = signed_text(request, key) == request.body
        except ValueError:
            right = False
        return reply(200, sample("push_200_accepted") if right else codes("DP00800001026"))

    return answer


def test_signing_agrees_with_the_vector() -> None:
    vector = json.loads((SAMPLES / "_test_vectors.json").read_text())["airtel_v2_signing"]
    secret, start = (base64.b64decode(vector[name]) for name in ("aes_key_b64", "iv_b64"))
    assert signature(vector["raw_body"].encode(), secret, start) == vector["x_signature_b64"]
    assert sealed_text(secret, start).decode() == vector["x_key_plaintext_before_rsa"]


def test_signed_push(server: Stub) -> None:
    server.on(KEYS, keys_answer(PRIVATE))
    server.on(SIGNED, checked(PRIVATE))
    gateway = gateway_at(server, AIRTEL_MESSAGE_SIGNING="true")
    assert gateway.start(ORDER).status is Status.PENDING
    gateway.start(ORDER)
    first, second = server.to(SIGNED)
    assert signed_text(first, PRIVATE) == first.body
    assert first.headers["x-key"] != second.headers["x-key"]
    assert first.headers["x-signature"] != second.headers["x-signature"]
    [keys] = server.to(KEYS)
    assert keys.headers["authorization"].startswith("Bearer ")
    assert (keys.headers["x-country"], keys.headers["x-currency"]) == ("KE", "KES")
    assert (len(server.to(TOKEN)), server.to(PUSH)) == (1, [])


@pytest.mark.parametrize(
    ("valid_upto", "seconds"),
    # The gateway's clock says 09:00 UTC, which is 12:00 in Kenya; a minute is kept back, an hour is the most.
    [
        ("01-03-2026 12:31:00", 1800),
        ("12-08-2030 21:29:26", 3600),
        ("12-08-2024 21:29:26", 60),
        ("soon", 60),
    ],
)
def test_signing_key_is_kept_for_a_while(
    server: Stub, monkeypatch: pytest.MonkeyPatch, valid_upto: str, seconds: int
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("payments.runtime.time.monotonic", lambda: clock[0])
    server.on(KEYS, keys_answer(PRIVATE, valid_upto))
    server.on(SIGNED, checked(PRIVATE))
    gateway = gateway_at(server, AIRTEL_MESSAGE_SIGNING="1")
    gateway.start(ORDER)
    clock[0] += seconds - 1
    gateway.start(ORDER)
    assert len(server.to(KEYS)) == 1
    clock[0] += 2
    gateway.start(ORDER)
    assert len(server.to(KEYS)) == 2


def test_changed_signing_key_is_fetched_once(server: Stub) -> None:
    server.on(KEYS, keys_answer(OTHER_PRIVATE), keys_answer(PRIVATE))
    server.on(SIGNED, checked(PRIVATE))
    gateway = gateway_at(server, AIRTEL_MESSAGE_SIGNING="yes")
    assert gateway.start(ORDER).status is Status.PENDING
    assert (len(server.to(KEYS)), len(server.to(SIGNED))) == (2, 2)


def test_signature_that_stays_refused(server: Stub) -> None:
    server.on(KEYS, keys_answer(OTHER_PRIVATE))
    server.on(SIGNED, checked(PRIVATE))
    with pytest.raises(Misconfigured, match="AIRTEL_MESSAGE_SIGNING"):
        gateway_at(server, AIRTEL_MESSAGE_SIGNING="yes").start(ORDER)
    assert (len(server.to(KEYS)), len(server.to(SIGNED))) == (2, 2)


def test_rejected_token_while_fetching_the_key(server: Stub) -> None:
    server.on(TOKEN, reply(200, {"access_token": "old"}), reply(200, {"access_token": "new"}))
    server.on(KEYS, reply(401, sample("error_401_invalid_token")), keys_answer(PRIVATE))
    server.on(SIGNED, checked(PRIVATE))
    assert gateway_at(server, AIRTEL_MESSAGE_SIGNING="yes").start(ORDER).status is Status.PENDING
    assert [request.headers["authorization"] for request in server.to(KEYS)] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    "answer",
    [
        DROP,
        HTML_502,
        reply(200, sample("encryption_keys_200")),  # its key is starred out
        reply(200, codes("DP02010001000")),
        reply(200, {"data": {"key": base64.b64encode(b"no key").decode()}}),
        reply(200, {"data": {"key": der(ec.generate_private_key(ec.SECP256R1()))}}),
        reply(401, sample("error_401_invalid_token")),
    ],
)
def test_without_signing_key_nothing_was_sent(server: Stub, answer: Reply) -> None:
    server.on(KEYS, answer)
    with pytest.raises(NotSent):
        gateway_at(server, AIRTEL_MESSAGE_SIGNING="true").start(ORDER)
    assert server.to(SIGNED) == []


def test_short_rsa_key_is_enough() -> None:
    # Airtel's own sample begins like a key of 1024 bits.
    assert public_key(der(rsa.generate_private_key(65537, 1024))).key_size == 1024  # noqa: S505


# The enquiry


def ask(
    server: Stub, gateway: Gateway, document: Any, status: int = 200, attempt: Attempt = ATTEMPT
) -> Result:
    our_id = attempt.gateway_id or gateway.id_of(attempt.reference)
    server.on(f"/standard/v1/payments/{our_id}", reply(status, document))
    return gateway.query(attempt)


def test_paid(server: Stub, gateway: Gateway) -> None:
    theirs = "d56afb6b-24ff-4371-9dc0-1c64a051cbfc"
    result = ask(server, gateway, sample("enquiry_TS"), attempt=replace(ATTEMPT, gateway_id=theirs))
    assert (result.status, result.receipt) == (Status.SUCCEEDED, "133410367531")
    assert (result.gateway_id, result.amount, result.currency) == (theirs, None, "")
    assert server.requests[-1].method == "GET"
    assert (server.requests[-1].headers["x-country"], server.requests[-1].headers["x-currency"]) == (
        "KE",
        "KES",
    )


def test_paid_although_success_is_false(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway, enquiry("TS", "DP00800001006", airtel_money_id="MP210603.1234.L06941"))
    assert (result.status, result.receipt) == (Status.SUCCEEDED, "MP210603.1234.L06941")


def test_attempt_without_answer_is_asked_by_its_reference(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway, sample("enquiry_TIP"), attempt=replace(ATTEMPT, gateway_id=""))
    assert (result.status, result.gateway_id) == (Status.PENDING, OUR_ID)


@pytest.mark.parametrize(
    ("name", "status", "code", "word"),
    [
        ("TIP", Status.PENDING, "TIP", "being asked"),
        ("TF_wrong_pin", Status.DECLINED, "DP00800001002", "wrong PIN"),
        ("TF_insufficient", Status.DECLINED, "DP00800001007", "balance"),
        ("TF_limit", Status.DECLINED, "DP00800001003", "above"),
        ("TF_no_pin", Status.DECLINED, "DP00800001005", "did not enter"),
        ("TF_refused", Status.DECLINED, "DP00800001008", "refused"),
        ("TE_expired", Status.DECLINED, "DP00800001029", "ran out of time"),
    ],
)
def test_every_enquiry_sample(
    server: Stub, gateway: Gateway, name: str, status: Status, code: str, word: str
) -> None:
    result = ask(server, gateway, sample(f"enquiry_{name}"))
    assert (result.status, result.code, result.gateway_id) == (status, code, OUR_ID)
    assert word in result.message
    assert (result.receipt, result.absent) == ("", False)


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (enquiry("TA", "DP00800001001"), Status.PENDING, "TA"),
        (enquiry("TIP", "DP00800001002"), Status.PENDING, "TIP"),  # the status goes before the code
        (enquiry("TF", "DP00800001001"), Status.DECLINED, "DP00800001001"),
        (enquiry("TF"), Status.DECLINED, "TF"),
        (enquiry("TF", "DP00800001010"), Status.DECLINED, "DP00800001010"),
        (enquiry("TR", "DP00800001001"), Status.UNKNOWN, "TR"),
        (enquiry("TX", "DP00800001001"), Status.UNKNOWN, "TX"),
        (enquiry("TS", "DP00800001001", our_id="another"), Status.UNKNOWN, "id_differs"),
        (enquiry("TF", "DP00800001002", our_id=OUR_ID.upper()), Status.UNKNOWN, "id_differs"),
        (enquiry("TS", "DP00800001001", our_id=""), Status.UNKNOWN, "id_missing"),
        (enquiry("TF", "DP00800001002", our_id=""), Status.UNKNOWN, "id_missing"),
        (enquiry("", "DP00800001001"), Status.SUCCEEDED, "DP00800001001"),
        (codes("DP00800001001"), Status.UNKNOWN, "DP00800001001"),
        (codes("DP00800001006"), Status.PENDING, "DP00800001006"),
        (codes("DP00800001000", "ESB000008"), Status.PENDING, "DP00800001000"),
        (codes("DP00800001024"), Status.PENDING, "DP00800001024"),
        (codes("DP00800001007"), Status.DECLINED, "DP00800001007"),
        (codes("DP00800004711"), Status.UNKNOWN, "DP00800004711"),
        ({"status": {"success": True, "message": "SUCCESS", "code": "200"}}, Status.UNKNOWN, "unreadable"),
        (b"<html>login</html>", Status.UNKNOWN, "unreadable"),
    ],
)
def test_enquiry_decides_by_status_then_code(
    server: Stub, gateway: Gateway, document: Any, status: Status, code: str
) -> None:
    result = ask(server, gateway, document)
    assert (result.status, result.code, result.absent) == (status, code, False)


def test_reversed_payment_says_so(server: Stub, gateway: Gateway) -> None:
    result = ask(server, gateway, enquiry("TR"))
    assert (result.status, result.details) == (Status.UNKNOWN, {"reversed": "true"})


@pytest.mark.parametrize("http_status", [200, 400, 404, 500])
@pytest.mark.parametrize("document", [codes("DP00800001025"), codes("DP00800001000", "ESB000045")])
def test_absence_is_believed_after_three_minutes(
    server: Stub, gateway: Gateway, document: Any, http_status: int
) -> None:
    young = replace(ATTEMPT, started_at=NOW - timedelta(seconds=179))
    result = ask(server, gateway, document, http_status, young)
    assert (result.status, result.code, result.absent) == (Status.PENDING, "not_found", False)
    old = replace(ATTEMPT, started_at=NOW - timedelta(seconds=180))
    result = ask(server, gateway, document, http_status, old)
    assert (result.status, result.code, result.absent) == (Status.DECLINED, "not_found", True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HTML_502, OutcomeUnknown),
        (DROP, OutcomeUnknown),
        (
            reply(408, {"status_message": "I/O Exception", "status_code": "CONNECTION_TIMEOUT"}),
            OutcomeUnknown,
        ),
        (reply(500, b"oops"), OutcomeUnknown),
        (reply(404, b"<html>"), Misconfigured),
        (reply(400, {"status_code": "ROUTER110", "status_message": "x"}), Misconfigured),
        (reply(403, b""), Misconfigured),
        (reply(429, {}), RateLimited),
    ],
)
def test_enquiry_without_answer(
    server: Stub, gateway: Gateway, answer: Reply, error: type[Exception]
) -> None:
    server.on(ENQUIRY, answer)
    with pytest.raises(error):
        gateway.query(ATTEMPT)


def test_enquiries_share_a_budget(server: Stub) -> None:
    gateway = gateway_at(server, Runtime(MemoryTokens(), MemoryBudget(), lambda: NOW))
    server.on(ENQUIRY, reply(200, sample("enquiry_TIP")))
    gateway.query(ATTEMPT)
    with pytest.raises(RateLimited) as caught:
        gateway.query(ATTEMPT)
    assert 0 < caught.value.retry_after <= 0.5
    assert len(server.to(ENQUIRY)) == 1


def test_complaint_of_airtel_stops_all_enquiries_for_a_while(server: Stub) -> None:
    budget = MemoryBudget()
    gateway = gateway_at(server, Runtime(MemoryTokens(), budget, lambda: NOW))
    server.on(ENQUIRY, reply(429, {}, retry_after="30"))
    with pytest.raises(RateLimited):
        gateway.query(ATTEMPT)
    [name] = budget._next
    assert budget.take(name, 120.0) > 25.0
    assert "the-client-id" not in name


# The refund


@pytest.mark.parametrize(
    ("name", "gateway_id"), [("refund_200", "CI210104.1549.C00029"), ("refund_200_variant", "133410367531")]
)
def test_refund_is_taken_in(server: Stub, gateway: Gateway, name: str, gateway_id: str) -> None:
    server.on(REFUND, reply(200, sample(name)))
    result = gateway.refund(REFUND_ORDER)
    assert server.to(REFUND)[0].document == sample("refund_request")
    assert (result.status, result.gateway_id) == (Status.PENDING, gateway_id)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(REFUND_ORDER, amount=Decimal("999.00")), "partial_not_supported"),
        (replace(REFUND_ORDER, currency="UGX"), "partial_not_supported"),
        (replace(REFUND_ORDER, payment=replace(ATTEMPT, receipt="")), "receipt_unknown"),
    ],
)
def test_refund_that_cannot_be_asked_for(
    server: Stub, gateway: Gateway, order: RefundOrder, code: str
) -> None:
    result = gateway.refund(order)
    assert (result.status, result.code) == (Status.DECLINED, code)
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200, codes("DP00800001008")), Status.DECLINED),
        (reply(200, codes("DP00800001025")), Status.DECLINED),
        (reply(200, codes("", "ESB000011")), Status.DECLINED),
        (reply(200, codes("DP00800001000", "ESB000011")), OutcomeUnknown),
        (reply(200, codes("DP00800001000", "ESB000045")), Status.DECLINED),
        (reply(200, codes("DP00800001000", "ESB000008")), OutcomeUnknown),
        (reply(200, codes("DP00800001000", "ESB000041")), OutcomeUnknown),
        (reply(200, codes("DP00800004711")), OutcomeUnknown),
        (reply(200, b""), OutcomeUnknown),
        (DROP, OutcomeUnknown),
        (HTML_502, OutcomeUnknown),
        (reply(400, {"status_code": "ROUTER110"}), Misconfigured),
        (reply(429, {}), RateLimited),
    ],
)
def test_other_answers_to_a_refund(server: Stub, gateway: Gateway, answer: Reply, expected: Any) -> None:
    server.on(REFUND, answer)
    if isinstance(expected, Status):
        assert gateway.refund(REFUND_ORDER).status is expected
    else:
        with pytest.raises(expected):
            gateway.refund(REFUND_ORDER)
    assert len(server.to(REFUND)) == 1


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (enquiry("TR"), Status.SUCCEEDED),
        (enquiry("TR", our_id="another"), Status.PENDING),
        (enquiry("TS"), Status.PENDING),
        (enquiry("TF"), Status.PENDING),
        (codes("DP00800001025"), Status.PENDING),
    ],
)
def test_outcome_of_a_refund(server: Stub, gateway: Gateway, document: Any, status: Status) -> None:
    server.on(ENQUIRY, reply(200, document))
    old = replace(ATTEMPT, started_at=NOW - timedelta(days=1))
    result = gateway.query_refund(replace(REFUND_ORDER, payment=old, gateway_id="CI210104.1549.C00029"))
    assert (result.status, result.gateway_id, result.absent) == (status, "CI210104.1549.C00029", False)


# Settings


def test_without_credentials_there_is_no_gateway() -> None:
    assert from_settings({}, runtime()) is None
    assert from_settings({"AIRTEL_CLIENT_ID": "", "AIRTEL_ENVIRONMENT": "production"}, runtime()) is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"AIRTEL_CLIENT_SECRET": ""}, ["AIRTEL_CLIENT_SECRET"]),
        ({"AIRTEL_CLIENT_ID": ""}, ["AIRTEL_CLIENT_ID"]),
        ({"AIRTEL_ENVIRONMENT": "production"}, ["AIRTEL_BASE_URL", "AIRTEL_ENVIRONMENT"]),
        ({"AIRTEL_ENVIRONMENT": "staging"}, ["AIRTEL_ENVIRONMENT"]),
        ({"AIRTEL_ENVIRONMENT": "production", "AIRTEL_BASE_URL": "http://a.example"}, ["AIRTEL_BASE_URL"]),
        ({"AIRTEL_BASE_URL": "ftp://airtel.example"}, ["AIRTEL_BASE_URL"]),
        ({"AIRTEL_BASE_URL": "https://[::1"}, ["AIRTEL_BASE_URL"]),
        ({"AIRTEL_BASE_URL": "https://me:secret-word@airtel.example"}, ["AIRTEL_BASE_URL"]),
        ({"AIRTEL_CURRENCY": "UGX", "CURRENCY": "KES"}, ["AIRTEL_CURRENCY", "CURRENCY"]),
        ({"AIRTEL_COUNTRY": "Kenya"}, ["AIRTEL_COUNTRY"]),
        ({"AIRTEL_MESSAGE_SIGNING": "perhaps"}, ["AIRTEL_MESSAGE_SIGNING"]),
        ({"AIRTEL_MAX_AMOUNT": "a lot"}, ["AIRTEL_MAX_AMOUNT"]),
        ({"AIRTEL_MAX_AMOUNT": "0"}, ["AIRTEL_MAX_AMOUNT"]),
    ],
)
def test_wrong_settings_are_named_without_their_values(changes: dict[str, str], names: list[str]) -> None:
    with pytest.raises(Misconfigured) as caught:
        from_settings({**SETTINGS, **changes}, runtime())
    sentence = str(caught.value)
    assert all(name in sentence for name in names)
    assert not any(word in sentence for word in ("the-client", "secret-word", "staging", "perhaps", "a lot"))


def test_defaults(server: Stub) -> None:
    gateway = from_settings(SETTINGS, runtime())
    assert gateway is not None
    able = gateway.capabilities
    assert (gateway.method, gateway.environment, able.label) == ("airtel", "sandbox", "Airtel Money")
    assert (able.needs_phone, able.whole_units, able.hosted_page) == (True, True, False)
    assert (able.minimum, able.maximum, able.currencies) == (1, 150000, frozenset({"KES"}))
    assert (able.refunds, able.partial_refunds) == (True, False)
    assert (able.callback_is_proof, able.query_by_reference) == (False, True)
    assert gateway.acknowledgement == sample("callback_ack")
    assert gateway.request_receipt(ATTEMPT, "", "") is False


def test_no_secret_in_any_representation_or_log(server: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="payments")
    gateway = gateway_at(server, AIRTEL_CALLBACK_KEY="the-callback-key")
    gateway.start(ORDER)
    server.on(PUSH, reply(200, {"status": {"message": "733123456 the-client-secret"}}))
    with pytest.raises(OutcomeUnknown) as caught:
        gateway.start(ORDER)
    told = f"{caplog.text} {caught.value!r} {gateway!r} {vars(gateway)['_settings']!r}"
    assert not any(secret in told for secret in (*SECRETS, "the-callback-key"))
