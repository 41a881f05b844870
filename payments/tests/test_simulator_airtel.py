"""The simulated Airtel Money: its errors are Airtel's, and every mode does what its name says."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from payments.simulator.modes_airtel import MODES
from payments.simulator.world import TOKEN_LIFE
from payments.tests.test_simulator import Shop, open_shop

SAMPLES = Path(__file__).parent / "samples"
VECTORS = json.loads((SAMPLES / "_test_vectors.json").read_text())
AMBIGUOUS, PROCESSING = "DP00800001000", "DP00800001006"


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield from open_shop()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"airtel_{name}.json").read_text())


def same_names(document: Any, sample: Any) -> bool:
    if isinstance(document, dict) and isinstance(sample, dict):
        return set(document) == set(sample) and all(same_names(document[k], sample[k]) for k in sample)
    return type(document) is type(sample)


def order(msisdn: Any = "733123456", own_id: Any = "5f0d2f0c6c1e4a5b", amount: Any = 622) -> dict[str, Any]:
    return {
        "reference": "S1000123",
        "subscriber": {"country": "KE", "currency": "KES", "msisdn": msisdn},
        "transaction": {"amount": amount, "country": "KE", "currency": "KES", "id": own_id},
    }


def collect(shop: Shop, msisdn: Any = "733123456", own_id: Any = "5f0d2f0c6c1e4a5b") -> requests.Response:
    return shop.post("/merchant/v1/payments/", order(msisdn, own_id), headers=shop.airtel_headers())


def enquire(shop: Shop, own_id: str = "5f0d2f0c6c1e4a5b") -> requests.Response:
    return shop.get(f"/standard/v1/payments/{own_id}", headers=shop.airtel_headers())


def refund(shop: Shop, receipt: str) -> requests.Response:
    document = {"transaction": {"airtel_money_id": receipt}}
    return shop.post("/standard/v1/payments/refund", document, headers=shop.airtel_headers())


def status_of(answer: requests.Response) -> str:
    """`TS`, `TIP`...; the response code where there is no transaction; the HTTP status where there is no JSON."""
    try:
        document = answer.json()
    except ValueError:
        return str(answer.status_code)
    if "data" not in document:
        return str(document.get("status", {}).get("response_code") or answer.status_code)
    return str(document["data"]["transaction"]["status"])


def msisdn_of(mode: str) -> str:
    return MODES[mode].phone("airtel").replace(" ", "")[1:]


# Token, headers, keys


def test_token(shop: Shop) -> None:
    document = {
        "client_id": shop.settings["AIRTEL_CLIENT_ID"],
        "client_secret": shop.settings["AIRTEL_CLIENT_SECRET"],
        "grant_type": "client_credentials",
    }
    answer = shop.post("/auth/oauth2/token", document)
    assert same_names(answer.json(), sample("oauth_200"))
    assert answer.json()["expires_in"] == TOKEN_LIFE["airtel"] == 180
    wrong = shop.post("/auth/oauth2/token", {**document, "client_secret": "no"})
    assert (wrong.status_code, wrong.json()) == (400, sample("oauth_400_invalid_client"))
    assert shop.post("/auth/oauth2/token", {**document, "grant_type": "password"}).status_code == 400
    shop.simulator.set_mode("airtel", "token-text")
    assert shop.post("/auth/oauth2/token", document).json()["expires_in"] == "180"


def test_tokens_expire(shop: Shop) -> None:
    assert collect(shop).status_code == 200
    shop.simulator.expire_tokens("airtel")
    answer = enquire(shop)
    assert (answer.status_code, answer.json()) == (401, sample("error_401_invalid_token"))


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("X-Country", None, "ROUTER003"),
        ("X-Currency", None, "ROUTER003"),
        ("X-Country", "UG", "ROUTER005"),
        ("X-Currency", "UGX", "ROUTER112"),
    ],
)
def test_headers(shop: Shop, header: str, value: str | None, code: str) -> None:
    headers = {k: v for k, v in {**shop.airtel_headers(), header: value}.items() if v}
    for answer in (
        shop.post("/merchant/v1/payments/", order(), headers=headers),
        shop.get("/standard/v1/payments/abc", headers=headers),
        shop.get("/v1/rsa/encryption-keys", headers=headers),
    ):
        assert answer.status_code == 400
        assert set(answer.json()) == {"status_code", "status_message"}
        assert answer.json()["status_code"] == code


def test_addresses_have_their_slashes(shop: Shop) -> None:
    answer = shop.post("/merchant/v1/payments", order(), headers=shop.airtel_headers())
    assert (answer.status_code, answer.json()["status_code"]) == (404, "ROUTER110")


# Collection and enquiry


def test_a_person_pays(shop: Shop) -> None:
    answer = collect(shop)
    assert answer.status_code == 200
    assert same_names(answer.json(), sample("push_200_accepted"))
    assert answer.json()["status"]["response_code"] == PROCESSING
    assert same_names(enquire(shop).json(), sample("enquiry_TIP"))
    assert shop.simulator.wait_for_prompt("0733 123 456")["amount"] == 622
    shop.simulator.enter_pin("0733 123 456")
    shop.simulator.settle()
    (callback,) = shop.bodies("/airtel")
    assert same_names(callback, sample("callback_TS_signed_doc_hash"))
    paid = enquire(shop).json()
    assert same_names(paid, sample("enquiry_TS"))
    assert paid["data"]["transaction"]["airtel_money_id"] == callback["transaction"]["airtel_money_id"]


@pytest.mark.parametrize(
    ("act", "name"), [("decline", "TF_refused"), ("ignore", "TF_no_pin"), ("wrong", "TF_wrong_pin")]
)
def test_a_person_does_not_pay(shop: Shop, act: str, name: str) -> None:
    collect(shop, own_id="5f0d2f0c6c1e4a5b8a6d000000000123")
    if act == "wrong":
        shop.simulator.enter_pin("0733123456", "0000")
    else:
        getattr(shop.simulator, act)("0733123456")
    assert enquire(shop, "5f0d2f0c6c1e4a5b8a6d000000000123").json() == sample(f"enquiry_{name}")
    shop.simulator.settle()
    assert [body["transaction"]["status_code"] for body in shop.bodies()] == ["TF"]


def test_a_used_id_is_refused_with_http_200(shop: Shop) -> None:
    collect(shop)
    answer = collect(shop)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": {
            "code": "500",
            "message": "External Transaction ID already exists.",
            "result_code": "ESB000041",
            "response_code": AMBIGUOUS,
            "success": False,
        }
    }
    assert len(shop.simulator.prompts()) == 1


@pytest.mark.parametrize(
    ("path", "value", "code", "text"),
    [
        ("subscriber.msisdn", "254733123456", "ESB000033", "Msisdn Length should be 9"),
        ("subscriber.msisdn", "0733123456", "ESB000033", "Msisdn Length should be 9"),
        ("subscriber.msisdn", "073312345", "ESB000036", "Invalid Msisdn"),
        ("subscriber.msisdn", None, "ESB000033", "Msisdn Length should be 9"),
        ("subscriber.country", "UG", "ESB000034", "Country"),
        ("subscriber.currency", None, "ESB000035", "Invalid/Missing Currency"),
        ("transaction.country", None, "ESB000034", "Country"),
        ("transaction.currency", "UGX", "ESB000035", "Currency"),
        ("transaction.amount", "622", "ESB000008", "Invalid Amount"),
        ("transaction.amount", 0, "ESB000008", "Invalid Amount"),
        ("transaction.amount", 6.5, "ESB000008", "Invalid Amount"),
        ("transaction.amount", True, "ESB000008", "Invalid Amount"),
        ("transaction.id", "", "ESB000008", "transaction id"),
        ("transaction.id", "a b", "ESB000008", "transaction id"),
        ("reference", "x" * 65, "ESB000008", "reference"),
        ("reference", None, "ESB000008", "reference"),
        ("subscriber", None, "ESB000008", "subscriber"),
    ],
)
def test_a_wrong_field_is_refused_with_http_200(
    shop: Shop, path: str, value: Any, code: str, text: str
) -> None:
    document: Any = order()
    place, _, name = path.rpartition(".")
    (document[place] if place else document)[name] = value
    answer = shop.post("/merchant/v1/payments/", document, headers=shop.airtel_headers())
    assert answer.status_code == 200
    assert "data" not in answer.json()
    status = answer.json()["status"]
    assert (status["result_code"], status["success"], str(status["code"])) == (code, False, "400")
    assert text in status["message"]
    assert shop.simulator.prompts() == []


def test_no_json(shop: Shop) -> None:
    headers = {**shop.airtel_headers(), "Content-Type": "application/json"}
    answer = requests.post(f"{shop.base}/merchant/v1/payments/", data=b"{", headers=headers, timeout=10)
    assert answer.json()["status_code"] == "ROUTER003"
    headers["Content-Type"] = "text/plain"
    answer = requests.post(f"{shop.base}/merchant/v1/payments/", data=b"{}", headers=headers, timeout=10)
    assert answer.status_code == 415


def test_an_unknown_id(shop: Shop) -> None:
    answer = enquire(shop, "nothing")
    status = answer.json()["status"]
    assert (answer.status_code, status["response_code"], status["result_code"]) == (
        200,
        "DP00800001025",
        "ESB000045",
    )


# Signatures


def signed(shop: Shop, body: bytes, aes: bytes, iv: bytes) -> dict[str, str]:
    keys = shop.get("/v1/rsa/encryption-keys", headers=shop.airtel_headers()).json()
    assert same_names(keys, sample("encryption_keys_200"))
    key = serialization.load_der_public_key(base64.b64decode(keys["data"]["key"]))
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(AES(aes), CBC(iv)).encryptor()
    text = encryptor.update(padder.update(body) + padder.finalize()) + encryptor.finalize()
    plain = base64.b64encode(aes) + b":" + base64.b64encode(iv)
    return {
        **shop.airtel_headers(),
        "Content-Type": "application/json",
        "x-signature": base64.b64encode(text).decode(),
        "x-key": base64.b64encode(key.encrypt(plain, PKCS1v15())).decode(),  # type: ignore[union-attr]
    }


def post_signed(shop: Shop, body: bytes, headers: dict[str, str]) -> requests.Response:
    return requests.post(f"{shop.base}/merchant/v2/payments/", data=body, headers=headers, timeout=10)


def test_a_signature_over_the_exact_bytes(shop: Shop) -> None:
    vector = VECTORS["airtel_v2_signing"]
    body = vector["raw_body"].encode()
    headers = signed(shop, body, base64.b64decode(vector["aes_key_b64"]), base64.b64decode(vector["iv_b64"]))
    assert headers["x-signature"] == vector["x_signature_b64"]
    assert post_signed(shop, body, headers).json()["status"]["response_code"] == PROCESSING


@pytest.mark.parametrize("fault", ["spaces", "x-key", "x-signature", "short key"])
def test_a_wrong_signature(shop: Shop, fault: str) -> None:
    body = json.dumps(order()).encode()
    headers = signed(shop, body, bytes(16 if fault == "short key" else 32), bytes(16))
    if fault == "spaces":
        body = body.replace(b": ", b":")
    elif fault.startswith("x-"):
        headers[fault] = base64.b64encode(bytes(256)).decode()
    status = post_signed(shop, body, headers).json()["status"]
    assert (status["response_code"], status["success"]) == ("DP00800001026", False)
    assert shop.simulator.prompts() == []


def test_v2_needs_its_headers(shop: Shop) -> None:
    answer = shop.post("/merchant/v2/payments/", order(), headers=shop.airtel_headers())
    assert (answer.status_code, answer.json()["status_code"]) == (400, "ROUTER003")


# The modes

REFUSED: dict[str, tuple[int, str]] = {
    "html-502": (502, "<html>"),
    "router-error": (400, "ROUTER110"),
    "vendor-unknown": (200, "ESB000039"),
    "token-useless": (401, "invalid_token"),
}
UNCLEAR: dict[str, tuple[int, str]] = {
    "io-exception": (408, "CONNECTION_TIMEOUT"),
    "router-timeout": (400, "ROUTER117"),
    "ambiguous-answer": (200, AMBIGUOUS),
}
TIP4, MISSING = ["TIP"] * 3 + ["TS"], "DP00800001025"
# mode: status codes of the callbacks, answers to enquiries
WAYS: dict[str, tuple[list[str], list[str]]] = {
    "success": (["TS"], ["TS"]),
    "insufficient": (["TF"], ["TF"]),
    "declined": (["TF"], ["TF"]),
    "timeout": (["TF"], ["TF"]),
    "expired": (["TF"], ["TE"]),
    "wrong-pin": (["TF"], ["TF"]),
    "limit": (["TF"], ["TF"]),
    "below-minimum": (["TF"], ["TF"]),
    "do-not-honour": (["TF"], ["TF"]),
    "payee-barred": (["TF"], ["TF"]),
    "unknown-code": (["TX"], ["TX"]),
    "in-progress": ([], TIP4),
    "stuck": ([], ["TIP"] * 4),
    "ambiguous": ([], ["TA"] * 3 + ["TS"]),
    "timed-out-code": ([], ["TA"] * 3 + ["TS"]),
    "not-found-first": ([], [MISSING] * 3 + ["TS"]),
    "odd-success": (["TS"], ["TS"] * 2),
    "enquiry-html-502": ([], ["502"] * 3 + ["TS"]),
    "enquiry-io-exception": ([], ["408"] * 3 + ["TS"]),
    "callback-unsigned": (["TS"], ["TS"]),
    "callback-member-hash": (["TS"], ["TS"]),
    "callback-body-hash": (["TS"], ["TS"]),
    "callback-bad-hash": (["TS"], ["TS"]),
    "duplicate-callback": (["TS"] * 3, ["TS"]),
    "false-fail": (["TF"], ["TS"]),
    "early-success": (["TS"], TIP4),
    "false-success": (["TS"], ["TF"]),
    "callback-first": (["TS"], ["TS"]),
    "no-callback": ([], ["TS"]),
    "late-callback": (["TS"], ["TS"]),
    "foreign-callback": (["TS", "TS"], ["TS"]),
    "accepted-variant": (["TS"], ["TS"]),
    "io-exception": (["TS"], ["TS"]),
    "router-timeout": (["TS"], ["TS"]),
    "ambiguous-answer": (["TS"], ["TS"]),
    "dropped": (["TS"], ["TS"]),
    "dropped-silent": ([], ["TS"]),
}
TOKENS = {"token-rejected": 401, "token-rejected-403": 403}
CODES = {
    "insufficient": "DP00800001007",
    "declined": "DP00800001008",
    "timeout": "DP00800001005",
    "expired": "DP00800001029",
    "wrong-pin": "DP00800001002",
    "limit": "DP00800001003",
    "below-minimum": "DP00800001004",
    "do-not-honour": "DP00800001009",
    "payee-barred": "DP00800001010",
    "unknown-code": "DP00800001099",
    "odd-success": PROCESSING,
    "timed-out-code": "DP00800001024",
    "ambiguous": AMBIGUOUS,
}


def test_every_mode_is_tried() -> None:
    assert set(MODES) == {"prompt", "token-text", *REFUSED, *WAYS, *TOKENS, *REFUNDS}
    assert set(UNCLEAR) < set(WAYS)


@pytest.mark.parametrize("mode", REFUSED)
def test_refused_requests(shop: Shop, mode: str) -> None:
    status, word = REFUSED[mode]
    for _ in range(2):
        answer = collect(shop, msisdn_of(mode))
        assert answer.status_code == status
        assert word in answer.text
    shop.simulator.settle()
    assert (shop.got, status_of(enquire(shop))) == ([], MISSING)


@pytest.mark.parametrize("mode", WAYS)
def test_ways(shop: Shop, mode: str) -> None:
    callbacks, enquiries = WAYS[mode]
    if mode.startswith("dropped"):
        with pytest.raises(requests.ConnectionError):
            collect(shop, msisdn_of(mode))
    else:
        answer = collect(shop, msisdn_of(mode))
        status, word = UNCLEAR.get(mode, (200, PROCESSING))
        assert answer.status_code == status
        assert word in answer.text
        if mode == "callback-first":
            assert len(shop.got) == 1
        if mode == "accepted-variant":
            assert same_names(answer.json(), sample("push_200_accepted_variant"))
            assert answer.json()["data"]["transaction"]["status"] == "Success."
    if mode == "late-callback":
        assert status_of(enquire(shop)) == "TIP"
    shop.simulator.settle()
    assert [body["transaction"]["status_code"] for body in shop.bodies()] == callbacks
    answers = [enquire(shop) for _ in enquiries]
    assert [status_of(a) for a in answers] == enquiries
    if mode in CODES:
        assert answers[0].json()["status"]["response_code"] == CODES[mode]
    if mode == "odd-success":
        assert answers[0].json()["status"]["success"] is False
    if mode == "foreign-callback":
        assert shop.bodies()[0]["transaction"]["id"] != shop.bodies()[1]["transaction"]["id"]


@pytest.mark.parametrize("mode", TOKENS)
def test_a_token_is_refused_once(shop: Shop, mode: str) -> None:
    answer = collect(shop, msisdn_of(mode))
    assert (answer.status_code, answer.json()["error"]) == (TOKENS[mode], "invalid_token")
    shop.forget_tokens()
    assert collect(shop, msisdn_of(mode)).status_code == 200
    shop.simulator.settle()
    assert status_of(enquire(shop)) == "TS"


def hash_of(key: str, raw: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), raw.encode(), hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("mode", ["unsigned", "member-hash", "body-hash", "bad-hash"])
def test_hashes(mode: str) -> None:
    vector = VECTORS["airtel_callback"]
    assert hash_of(vector["key"], vector["transaction_raw"]) == vector["hash_variant_transaction_member"]
    for shop in open_shop(AIRTEL_CALLBACK_KEY=vector["key"]):
        collect(shop, msisdn_of(f"callback-{mode}"))
        shop.simulator.settle()
        raw = shop.got[0][2].decode()
        given = json.loads(raw).get("hash")
        member = raw.removeprefix('{"transaction":').partition(',"hash"')[0]
        expected = {
            "member-hash": hash_of(vector["key"], member),
            "body-hash": hash_of(vector["key"], f'{{"transaction":{member}}}'),
        }
        if mode in expected:
            assert given == expected[mode]
        elif mode == "unsigned":
            assert given is None
        else:
            assert given not in (None, *expected.values())


def test_without_an_address_callbacks_are_kept() -> None:
    for shop in open_shop(AIRTEL_CALLBACK_URL=" "):
        shop.simulator.credentials.airtel_callback_url = ""
        collect(shop, msisdn_of("success"))
        shop.simulator.settle()
        assert [d["results"] for d in shop.simulator.deliveries()] == [["no address"]]
        shop.simulator.raw_deliveries()[0].url = f"{shop.address}/airtel"
        assert shop.simulator.send_again(1)["results"] == ["no address", "200"]


# Refunds: what the request is answered, whether the enquiry says TR afterwards

REFUNDS: dict[str, tuple[str, bool]] = {
    "refund-failed": ("ESB000011", False),
    "refund-unreported": ("ESB000010", False),
    "refund-io-exception": ("CONNECTION_TIMEOUT", True),
    "refund-dropped": ("", True),
    "refund-same-id": (PROCESSING, True),
    "refund-html-502": ("<html>", False),
}


def paid(shop: Shop, mode: str = "success") -> str:
    collect(shop, msisdn_of(mode))
    shop.simulator.settle()
    return str(enquire(shop).json()["data"]["transaction"]["airtel_money_id"])


def test_refund(shop: Shop) -> None:
    receipt = paid(shop)
    answer = refund(shop, receipt)
    assert same_names(answer.json(), sample("refund_200"))
    assert answer.json()["data"]["transaction"]["airtel_money_id"] != receipt
    shop.simulator.settle()
    assert status_of(enquire(shop)) == "TR"
    again = refund(shop, receipt)
    assert (again.status_code, again.json()["status"]["success"]) == (200, False)
    assert refund(shop, "MP0.0.L0").json()["status"]["response_code"] == MISSING
    assert refund(shop, "").json()["status"]["success"] is False


@pytest.mark.parametrize("mode", REFUNDS)
def test_refund_modes(shop: Shop, mode: str) -> None:
    receipt = paid(shop, mode)
    word, reversed_ = REFUNDS[mode]
    if mode == "refund-dropped":
        with pytest.raises(requests.ConnectionError):
            refund(shop, receipt)
    else:
        answer = refund(shop, receipt)
        assert word in answer.text
        if mode == "refund-same-id":
            assert same_names(answer.json(), sample("refund_200_variant"))
            assert answer.json()["data"]["transaction"]["airtel_money_id"] == receipt
    shop.simulator.settle()
    assert status_of(enquire(shop)) == ("TR" if reversed_ else "TS")


def test_a_refund_mode_can_be_chosen_after_the_payment(shop: Shop) -> None:
    receipt = paid(shop)
    shop.simulator.set_mode("airtel", "refund-failed", "0733 0000 01", times=1)
    assert refund(shop, receipt).json()["status"]["success"] is False
    assert refund(shop, receipt).json()["status"]["success"] is True
