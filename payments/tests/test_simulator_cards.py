"""The simulated card gateway: its errors are Paystack's, and every mode does what its name says."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from payments.simulator.modes_card import MODES
from payments.tests.test_simulator import Shop, open_shop

SAMPLES = Path(__file__).parent / "samples"
SIGNATURE = "x-paystack-signature"
REFERENCE = "S1-000123-1"


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield from open_shop()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"card_paystack_{name}.json").read_text())


def initialize(shop: Shop, mode: str = "", **changes: Any) -> requests.Response:
    document = {
        "email": f"card+{mode}@simulator.example" if mode else "customer@example.com",
        "amount": 150000,
        "currency": "KES",
        "reference": REFERENCE,
        "callback_url": f"{shop.address}/return?sale=1",
        "channels": ["card"],
        "metadata": {"sale": "S1-000123"},
        **changes,
    }
    return shop.post("/transaction/initialize", document, headers=shop.card_headers())


def verify(shop: Shop, reference: str = REFERENCE) -> requests.Response:
    return shop.get(f"/transaction/verify/{reference}", headers=shop.card_headers())


def status_of(answer: requests.Response) -> Any:
    return answer.json()["data"]["status"] if answer.status_code == 200 else answer.status_code


def refund(shop: Shop, **changes: Any) -> requests.Response:
    document = {"transaction": REFERENCE, "amount": 50000, "currency": "KES", "merchant_note": "R-000045"}
    return shop.post("/refund", {**document, **changes}, headers=shop.card_headers())


def signature(shop: Shop, body: bytes, key: str = "") -> str:
    secret = key or shop.settings["PAYMENT_GATEWAY_API_KEY"]
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def code_of(answer: requests.Response) -> tuple[int, str]:
    assert answer.json()["status"] is False
    return answer.status_code, answer.json()["code"]


# Requests


def test_the_signature_of_the_test_vector(shop: Shop) -> None:
    vector = json.loads((SAMPLES / "_test_vectors.json").read_text())["paystack"]
    assert (shop.settings["PAYMENT_GATEWAY_API_KEY"], SIGNATURE) == (vector["secret"], vector["header"])
    assert signature(shop, vector["raw_body"].encode()) == vector["hex_hmac_sha512"]


def test_initialize_pay_verify(shop: Shop) -> None:
    answer = initialize(shop)
    assert set(answer.json()) == set(sample("initialize_200"))
    data = answer.json()["data"]
    assert set(data) == set(sample("initialize_200")["data"])
    assert data["authorization_url"] == f"{shop.base}/pay/{data['access_code']}"
    assert status_of(verify(shop)) == "abandoned"
    shop.simulator.pay_card(REFERENCE, "mastercard")
    shop.simulator.settle()
    ((path, headers, body),) = shop.got
    assert (path, headers[SIGNATURE]) == ("/card", signature(shop, body))
    event = json.loads(body)
    assert event["event"] == "charge.success"
    assert set(sample("webhook_charge_success")["data"]) <= set(event["data"])
    verified = verify(shop).json()
    assert verified["message"] == "Verification successful"
    assert set(verified["data"]) == set(sample("verify_200_kes_success")["data"])
    expected = {
        "status": "success",
        "reference": REFERENCE,
        "amount": 150000,
        "currency": "KES",
        "domain": "test",
    }
    assert {k: verified["data"][k] for k in expected} == expected
    assert verified["data"]["metadata"] == {"sale": "S1-000123"}
    assert verified["data"]["authorization"]["brand"] == "mastercard"


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic sk_test_simulator_key"])
def test_the_key(shop: Shop, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    for answer in (
        shop.post("/transaction/initialize", {}, headers=headers),
        shop.get("/transaction/verify/x", headers=headers),
        shop.post("/refund", {}, headers=headers),
        shop.get("/refund", headers=headers),
        shop.get("/refund/1", headers=headers),
    ):
        assert (answer.status_code, answer.json()) == (401, sample("401_invalid_key"))


def test_a_used_reference(shop: Shop) -> None:
    initialize(shop)
    answer = initialize(shop)
    assert (answer.status_code, answer.json()) == (400, sample("initialize_400_duplicate_reference"))


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", None, "invalid_email_address"),
        ("email", "nobody", "invalid_email_address"),
        ("amount", None, "invalid_amount"),
        ("amount", 1500.0, "invalid_amount"),
        ("amount", "1500.00", "invalid_amount"),
        ("amount", 0, "invalid_amount"),
        ("amount", True, "invalid_amount"),
        ("currency", "EUR", "unsupported_currency"),
        ("reference", "S1/000123", "invalid_reference"),
        ("callback_url", "shop.example", "invalid_callback_url"),
        ("channels", "card", "invalid_channels"),
    ],
)
def test_a_wrong_field(shop: Shop, field: str, value: Any, code: str) -> None:
    assert code_of(initialize(shop, **{field: value})) == (400, code)
    assert shop.get("/_/cards/").json() == []


def test_amounts_may_be_texts_of_digits_and_references_may_be_left_out(shop: Shop) -> None:
    answer = initialize(shop, amount="150000", reference=None)
    assert verify(shop, answer.json()["data"]["reference"]).json()["data"]["amount"] == 150000


def test_what_is_not_there(shop: Shop) -> None:
    answer = verify(shop, "nothing")
    expected = sample("verify_400_not_found")
    assert answer.status_code == 400
    assert {**answer.json(), "meta": expected["meta"]} == expected
    assert shop.get("/transaction", headers=shop.card_headers()).status_code == 404
    assert shop.get("/transaction/initialize", headers=shop.card_headers()).status_code == 405
    body = requests.post(f"{shop.base}/refund", data=b"{", headers=shop.card_headers(), timeout=10)
    assert body.status_code == 400


def test_a_live_key_is_the_live_domain() -> None:
    for shop in open_shop(PAYMENT_GATEWAY_API_KEY="sk_live_simulator"):
        initialize(shop)
        assert verify(shop).json()["data"]["domain"] == "live"


# The hosted page


def press(shop: Shop, page: str, **form: str) -> requests.Response:
    return requests.post(page, data=form, timeout=10, allow_redirects=False)


@pytest.mark.parametrize(
    ("act", "status"), [("pay", "success"), ("decline", "failed"), ("abandon", "abandoned")]
)
def test_the_hosted_page(shop: Shop, act: str, status: str) -> None:
    page = initialize(shop).json()["data"]["authorization_url"]
    html = requests.get(page, timeout=10)
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert "KES 1,500.00" in html.text
    assert set(re.findall(r'<input type="(\w+)"', html.text)) == {"radio"}  # no field for a card number
    assert status_of(verify(shop)) == "ongoing"
    answer = press(shop, page, act=act, brand="visa")
    assert answer.status_code == 303
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{shop.address}/return"
    assert parse_qs(back.query) == {"sale": ["1"], "trxref": [REFERENCE], "reference": [REFERENCE]}
    assert status_of(verify(shop)) == status
    shop.simulator.settle()
    assert len(shop.got) == (1 if act == "pay" else 0)


def test_the_hosted_page_chooses_how_the_shop_hears(shop: Shop) -> None:
    page = initialize(shop).json()["data"]["authorization_url"]
    press(shop, page, act="pay", brand="visa", mode="duplicate-webhook")
    shop.simulator.settle()
    assert len(shop.got) == 3


def test_the_hosted_page_when_there_is_nothing_to_pay(shop: Shop) -> None:
    page = initialize(shop, callback_url=None).json()["data"]["authorization_url"]
    assert press(shop, page, act="run").status_code == 400
    assert press(shop, page, act="pay", brand="none").status_code == 400
    assert "gave no address" in press(shop, page, act="pay").text
    assert "has been made already" in requests.get(page, timeout=10).text
    assert requests.get(f"{shop.base}/pay/nothing", timeout=10).status_code == 404


def test_nothing_on_the_hosted_page_is_markup(shop: Shop) -> None:
    page = initialize(shop, email="<b>'\"@x.example").json()["data"]["authorization_url"]
    html = requests.get(page, timeout=10).text
    assert "<b>" not in html
    assert "&lt;b&gt;&#x27;&quot;@x.example" in html


def test_the_control_endpoint_pays_declines_and_leaves(shop: Shop) -> None:
    initialize(shop)
    for act, status in (("abandon", "abandoned"), ("decline", "failed"), ("pay", "success")):
        assert shop.post(f"/_/cards/{REFERENCE}/{act}/", {}).json()["status"] == status
        assert status_of(verify(shop)) == status
    assert shop.post(f"/_/cards/{REFERENCE}/pay/", {}).status_code == 409
    assert shop.post(f"/_/cards/{REFERENCE}/laugh/", {}).status_code == 404
    initialize(shop, reference="other")
    assert shop.post("/_/cards/other/pay/", {"brand": "gold"}).status_code == 400
    assert shop.post("/_/cards/other/pay/", {"mode": "declined"}).status_code == 400


# The modes: what verify says four times, and how many webhooks come

WAYS: dict[str, tuple[list[Any], int]] = {
    "success": (["success"], 1),
    "declined": (["failed"], 0),
    "abandoned": (["abandoned"], 0),
    "webhook-first": (["success"], 1),
    "no-webhook": (["success"], 0),
    "late-webhook": (["success"], 1),
    "duplicate-webhook": (["success"], 3),
    "bad-signature": (["success"], 1),
    "unsigned": (["success"], 1),
    "altered-webhook": (["success"], 1),
    "rotated-secret": (["success"], 1),
    "timestamp": (["success"], 1),
    "old-timestamp": (["success"], 1),
    "lower-amount": (["success"], 1),
    "fees-added": (["success"], 1),
    "other-currency": (["success"], 1),
    "other-domain": (["success"], 1),
    "odd-event": (["success"], 3),
    "dispute": (["success"], 2),
    "reversed": (["success", "reversed", "reversed"], 1),
    "ongoing": (["ongoing"] * 3 + ["success"], 0),
    "pending": (["pending"] * 3 + ["success"], 0),
    "abandoned-then-paid": (["abandoned"] * 3 + ["success"], 0),
    "failed-then-paid": (["failed"] * 3 + ["success"], 0),
    "verify-html-502": ([502] * 3 + ["success"], 0),
    "verify-429": ([429] * 3 + ["success"], 0),
    "dropped": (["abandoned"], 0),
    "dropped-paid": (["success"], 1),
}
REFUSED = {"rejected-key": 401, "rate-limited": 429, "html-502": 502}
# mode: the statuses of the refund's webhooks
REFUNDS: dict[str, list[str]] = {
    "refund-failed": ["pending", "processing", "failed"],
    "refund-needs-attention": ["pending", "processing", "needs-attention"],
    "refund-stuck": ["pending"],
    "refund-at-once": ["processed"],
    "refund-silent": [],
    "refund-dropped": ["pending", "processing", "processed"],
    "refund-html-502": [],
}


def test_every_mode_is_tried() -> None:
    assert set(MODES) == {"prompt", *WAYS, *REFUSED, *REFUNDS}


@pytest.mark.parametrize("mode", WAYS)
def test_ways(shop: Shop, mode: str) -> None:
    statuses, webhooks = WAYS[mode]
    if mode.startswith("dropped"):
        with pytest.raises(requests.ConnectionError):
            initialize(shop, mode)
    else:
        assert initialize(shop, mode).status_code == 200
        assert len(shop.got) == (1 if mode == "webhook-first" else 0)
    if mode == "late-webhook":
        shop.simulator.wait_for(lambda: status_of(verify(shop)) == "success")
        assert shop.got == []
    shop.simulator.settle()
    assert [status_of(verify(shop)) for _ in statuses] == statuses
    assert len(shop.got) == webhooks


@pytest.mark.parametrize("mode", REFUSED)
def test_refused_requests(shop: Shop, mode: str) -> None:
    assert initialize(shop, mode).status_code == REFUSED[mode]
    assert shop.get("/_/cards/").json() == []


def webhook(shop: Shop, mode: str) -> tuple[dict[str, str], bytes]:
    initialize(shop, mode)
    shop.simulator.settle()
    return shop.got[-1][1:]


def test_signatures(shop: Shop) -> None:
    key = shop.settings["PAYMENT_GATEWAY_API_KEY"]
    headers, body = webhook(shop, "success")
    assert headers[SIGNATURE] == signature(shop, body)
    shop.simulator.reset()
    headers, body = webhook(shop, "rotated-secret")
    assert headers[SIGNATURE] == signature(shop, body, f"{key}_rotated")
    shop.simulator.reset()
    headers, body = webhook(shop, "altered-webhook")
    assert headers[SIGNATURE] != signature(shop, body)
    compact = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert headers[SIGNATURE] == signature(shop, compact)
    shop.simulator.reset()
    headers, body = webhook(shop, "bad-signature")
    assert headers[SIGNATURE] not in (signature(shop, body), signature(shop, body, f"{key}_rotated"))
    shop.simulator.reset()
    headers, body = webhook(shop, "unsigned")
    assert SIGNATURE not in headers


@pytest.mark.parametrize(("mode", "age"), [("timestamp", 0), ("old-timestamp", 3600)])
def test_signatures_with_a_time(shop: Shop, mode: str, age: int) -> None:
    headers, body = webhook(shop, mode)
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["stripe-signature"])
    assert found is not None
    key = shop.settings["PAYMENT_GATEWAY_API_KEY"].encode()
    assert found[2] == hmac.new(key, f"{found[1]}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(datetime.now(UTC).timestamp() - int(found[1]) - age) < 30


@pytest.mark.parametrize(
    ("mode", "field", "value"),
    [
        ("lower-amount", "amount", 149900),
        ("fees-added", "amount", 154350),
        ("other-currency", "currency", "NGN"),
        ("other-domain", "domain", "live"),
    ],
)
def test_another_payment_than_asked_for(shop: Shop, mode: str, field: str, value: Any) -> None:
    _, body = webhook(shop, mode)
    for data in (json.loads(body)["data"], verify(shop).json()["data"]):
        assert data[field] == value
        assert (data["status"], data["requested_amount"]) == ("success", 150000)


def test_odd_events(shop: Shop) -> None:
    initialize(shop, "odd-event")
    shop.simulator.settle()
    assert [(b["event"], b["data"].get("reference") == REFERENCE) for b in shop.bodies()] == [
        ("subscription.create", False),
        ("charge.success", False),
        ("charge.success", True),
    ]
    assert all(headers[SIGNATURE] == signature(shop, body) for _, headers, body in shop.got)


def test_dispute(shop: Shop) -> None:
    _, body = webhook(shop, "dispute")
    event = json.loads(body)
    assert event["event"] == "charge.dispute.create"
    assert event["data"]["transaction"]["reference"] == REFERENCE


# Refunds


def paid(shop: Shop, mode: str = "success") -> None:
    initialize(shop, mode)
    shop.simulator.settle()
    shop.got.clear()


def test_refund(shop: Shop) -> None:
    paid(shop)
    answer = refund(shop).json()
    assert answer["message"] == "Refund has been queued for processing"
    data = answer["data"]
    assert (data["status"], data["amount"], data["merchant_note"]) == ("pending", 50000, "R-000045")
    assert data["transaction"]["reference"] == REFERENCE
    assert isinstance(data["id"], int)
    shop.simulator.settle()
    events = shop.bodies("/card")
    assert [e["event"] for e in events] == ["refund.pending", "refund.processing", "refund.processed"]
    assert all(headers[SIGNATURE] == signature(shop, body) for _, headers, body in shop.got)
    for event, name in zip(events, ("pending", "processing", "processed"), strict=True):
        assert set(event["data"]) == set(sample(f"webhook_refund_{name}")["data"])
        assert event["data"]["amount"] == "50000"
        assert event["data"]["transaction_reference"] == REFERENCE
    assert [e["data"]["refund_reference"] is None for e in events] == [True, True, False]
    fetched = shop.get(f"/refund/{data['id']}", headers=shop.card_headers()).json()
    assert fetched["message"] == "Refund retrieved"
    assert set(fetched["data"]) == set(sample("refund_fetch_200_processed")["data"])
    assert (fetched["data"]["status"], fetched["data"]["transaction"]) == (
        "processed",
        data["transaction"]["id"],
    )


def test_refunds_never_exceed_the_payment(shop: Shop) -> None:
    paid(shop)
    assert code_of(refund(shop, amount=150001)) == (400, "invalid_amount")
    assert refund(shop, amount=100000).status_code == 200
    assert code_of(refund(shop, amount=50001)) == (400, "invalid_amount")
    assert refund(shop, amount=None).json()["data"]["amount"] == 50000  # the rest
    assert code_of(refund(shop, amount=None)) == (400, "transaction_reversed")


def test_a_refund_that_failed_frees_its_amount(shop: Shop) -> None:
    paid(shop, "refund-failed")
    assert refund(shop, amount=150000).status_code == 200
    assert refund(shop, amount=150000).status_code == 400
    shop.simulator.settle()
    assert refund(shop, amount=150000).status_code == 200


def test_what_cannot_be_refunded(shop: Shop) -> None:
    assert code_of(refund(shop)) == (404, "transaction_not_found")
    initialize(shop)
    assert code_of(refund(shop)) == (400, "transaction_not_successful")
    shop.simulator.pay_card(REFERENCE)
    for changes in ({"amount": 0}, {"amount": 1.5}, {"currency": "NGN"}):
        assert refund(shop, **changes).status_code == 400
    by_id = verify(shop).json()["data"]["id"]
    assert refund(shop, transaction=by_id).status_code == 200
    assert refund(shop, transaction=str(by_id)).status_code == 200
    assert code_of(shop.get("/refund/1", headers=shop.card_headers())) == (404, "refund_not_found")
    assert code_of(shop.get("/refund/x", headers=shop.card_headers())) == (404, "refund_not_found")


def test_refunds_are_listed_by_time_only(shop: Shop) -> None:
    paid(shop)
    ids = [refund(shop, amount=100 + n, merchant_note=f"R-{n}").json()["data"]["id"] for n in range(3)]

    def listed(**query: Any) -> list[int]:
        answer = shop.get("/refund", params=query, headers=shop.card_headers())
        assert answer.json()["status"] is True
        return [r["id"] for r in answer.json()["data"]]

    now = datetime.now(UTC)
    assert listed() == ids[::-1]
    assert listed(perPage=2) == ids[:0:-1]
    assert listed(perPage=2, page=2) == ids[:1]
    assert listed(**{"from": (now - timedelta(minutes=1)).isoformat()}) == ids[::-1]
    assert listed(**{"from": (now + timedelta(minutes=1)).isoformat()}) == []
    assert listed(to=(now - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")) == []
    assert listed(transaction="other") == ids[::-1]  # no such filter
    for query in ({"perPage": "x"}, {"page": 0}, {"from": "yesterday"}):
        assert shop.get("/refund", params=query, headers=shop.card_headers()).status_code == 400


@pytest.mark.parametrize("mode", REFUNDS)
def test_refund_modes(shop: Shop, mode: str) -> None:
    paid(shop, mode)
    if mode == "refund-dropped":
        with pytest.raises(requests.ConnectionError):
            refund(shop)
    else:
        answer = refund(shop)
        assert answer.status_code == (502 if mode == "refund-html-502" else 200)
    shop.simulator.settle()
    events = shop.bodies("/card")
    assert [event["data"]["status"] for event in events] == REFUNDS[mode]
    amounts = {event["data"]["status"]: event["data"]["amount"] for event in events}
    assert all(
        value == (50000 if status in ("failed", "needs-attention") else "50000")
        for status, value in amounts.items()
    )
    assert ["id" in event["data"] for event in events] == [s == "needs-attention" for s in REFUNDS[mode]]
    refunds = shop.get("/refund", headers=shop.card_headers()).json()["data"]
    last = {"refund-silent": ["processed"], "refund-html-502": []}.get(mode, REFUNDS[mode][-1:])
    assert [r["status"] for r in refunds] == last


def test_a_refund_mode_can_be_chosen_after_the_payment(shop: Shop) -> None:
    paid(shop)
    shop.simulator.set_mode("card", "refund-at-once", times=1)
    assert refund(shop).json()["data"]["status"] == "processed"
    assert refund(shop).json()["data"]["status"] == "pending"
