"""The simulator as a process and as an object: its table, its control endpoint, its pages.

`Shop` is the least shop that can talk to it: raw requests, and a receiver for callbacks.
"""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

import payments.simulator
from payments.simulator import Impossible, Simulator, running
from payments.simulator.control import ADDRESSES
from payments.simulator.operations import mode_table
from payments.simulator.simulator import NotInProduction

FOLDER = Path(payments.simulator.__file__).parent
ANYBODY = "0712 345 678"


class Shop:
    """A shop in as few lines as possible. `got` is what was delivered to it, in order: (path, headers, body)."""

    def __init__(self, simulator: Simulator, address: str) -> None:
        self.simulator, self.address, self.base = simulator, address, simulator.base_url
        self.settings = simulator.settings
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.reply: bytes = b'{"ResultCode":0,"ResultDesc":"Accepted"}'
        self.on_delivery: Any = lambda: None
        self._tokens: dict[str, str] = {}

    def bodies(self, path: str = "") -> list[Any]:
        return [json.loads(body) for to, _, body in self.got if to.startswith(path)]

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.base + path, timeout=10, **options)

    def post(self, path: str, document: Any = None, **options: Any) -> requests.Response:
        return requests.post(self.base + path, json=document, timeout=10, **options)

    # M-Pesa

    def mpesa_token(self) -> str:
        if "mpesa" not in self._tokens:
            pair = (self.settings["MPESA_CONSUMER_KEY"], self.settings["MPESA_CONSUMER_SECRET"])
            answer = self.get("/oauth/v1/generate?grant_type=client_credentials", auth=pair)
            self._tokens["mpesa"] = answer.json()["access_token"]
        return self._tokens["mpesa"]

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def daraja(self, path: str, document: Any, **options: Any) -> requests.Response:
        return self.post(path, document, headers={"Authorization": f"Bearer {self.mpesa_token()}"}, **options)

    def merchant(self) -> dict[str, str]:
        stamp = datetime.now(timezone(timedelta(hours=3))).strftime("%Y%m%d%H%M%S")
        shortcode = self.settings["MPESA_SHORTCODE"]
        password = base64.b64encode(f"{shortcode}{self.settings['MPESA_PASSKEY']}{stamp}".encode()).decode()
        return {"BusinessShortCode": shortcode, "Password": password, "Timestamp": stamp}

    def push_document(self, phone: str, **changes: Any) -> dict[str, Any]:
        number = "254" + re.sub(r"\D", "", phone)[-9:]
        return {
            **self.merchant(),
            "TransactionType": self.settings["MPESA_TRANSACTION_TYPE"],
            "Amount": 622,
            "PartyA": number,
            "PartyB": self.settings["MPESA_TILL_NUMBER"] or self.settings["MPESA_SHORTCODE"],
            "PhoneNumber": number,
            "CallBackURL": f"{self.address}/stk/0123456789abcdef",
            "AccountReference": "S1-000123",
            "TransactionDesc": "POS sale",
            **changes,
        }

    def push(self, phone: str = ANYBODY, **changes: Any) -> requests.Response:
        return self.daraja("/mpesa/stkpush/v1/processrequest", self.push_document(phone, **changes))

    def query(self, checkout_id: str) -> requests.Response:
        return self.daraja(
            "/mpesa/stkpushquery/v1/query", {**self.merchant(), "CheckoutRequestID": checkout_id}
        )

    def credential(self, password: str | None = None) -> str:
        certificate = x509.load_pem_x509_certificate(Path(self.settings["MPESA_CERTIFICATE"]).read_bytes())
        secret = (password or self.settings["MPESA_INITIATOR_PASSWORD"]).encode()
        return base64.b64encode(certificate.public_key().encrypt(secret, PKCS1v15())).decode()  # type: ignore[union-attr]

    def initiator(self, **changes: Any) -> dict[str, Any]:
        return {
            "Initiator": self.settings["MPESA_INITIATOR_NAME"],
            "SecurityCredential": self.credential(),
            "ResultURL": f"{self.address}/result/0123",
            "QueueTimeOutURL": f"{self.address}/timeout/0123",
            "Remarks": "POS refund",
            "Occasion": "R-1",
            **changes,
        }

    def reverse(self, receipt: str, amount: int = 622, **changes: Any) -> requests.Response:
        document = self.initiator(
            CommandID="TransactionReversal",
            TransactionID=receipt,
            Amount=amount,
            ReceiverParty=self.settings["MPESA_SHORTCODE"],
            RecieverIdentifierType="11",
        )
        return self.daraja("/mpesa/reversal/v1/request", {**document, **changes})

    def ask_status(self, **changes: Any) -> requests.Response:
        document = self.initiator(
            CommandID="TransactionStatusQuery", PartyA=self.settings["MPESA_SHORTCODE"], IdentifierType="4"
        )
        return self.daraja("/mpesa/transactionstatus/v1/query", {**document, **changes})

    # Airtel

    def airtel_headers(self) -> dict[str, str]:
        if "airtel" not in self._tokens:
            document = {
                "client_id": self.settings["AIRTEL_CLIENT_ID"],
                "client_secret": self.settings["AIRTEL_CLIENT_SECRET"],
                "grant_type": "client_credentials",
            }
            self._tokens["airtel"] = self.post("/auth/oauth2/token", document).json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens['airtel']}", "X-Country": "KE", "X-Currency": "KES"}

    # Cards

    def card_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings['PAYMENT_GATEWAY_API_KEY']}"}


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True
    shop: Shop | None = None


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        shop = self.server.shop
        assert shop is not None
        shop.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        shop.on_delivery()
        self.send_response(200)
        self.send_header("Content-Length", str(len(shop.reply)))
        self.end_headers()
        self.wfile.write(shop.reply)

    def log_message(self, *arguments: Any) -> None:
        pass


def open_shop(speed: float = 100.0, patience: float = 60.0, **credentials: str) -> Iterator[Shop]:
    receiver = _Receiver(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{receiver.server_address[1]}"
    addresses = {"AIRTEL_CALLBACK_URL": address + "/airtel", "PAYMENT_GATEWAY_WEBHOOK_URL": address + "/card"}
    try:
        with running({**addresses, **credentials}, speed, patience) as simulator:
            receiver.shop = Shop(simulator, address)
            yield receiver.shop
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield from open_shop()


# The process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(port: int, folder: Path, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "payments.simulator", "--port", str(port), "--folder", str(folder)]
    return subprocess.Popen(  # noqa: S603
        command,
        cwd=FOLDER.parent.parent,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_healthy(port: int) -> None:
    for _ in range(200):
        try:
            assert requests.get(f"http://127.0.0.1:{port}/healthz/", timeout=1).json() == {"status": "ok"}
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("The simulator did not start.")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_process_starts_prints_its_table_and_ends_cleanly(tmp_path: Path, end: signal.Signals) -> None:
    port = free_port()
    process = start(port, tmp_path)
    try:
        wait_until_healthy(port)
        assert x509.load_pem_x509_certificate((tmp_path / "mpesa_certificate.pem").read_bytes())
    finally:
        process.send_signal(end)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert f"http://127.0.0.1:{port}/" in out
    for rows in mode_table().values():
        assert all(row["mode"] in out and row["chosen_by"] in out for row in rows)


def test_process_refuses_a_taken_port_with_one_sentence(tmp_path: Path) -> None:
    with running() as simulator:
        port = int(simulator.base_url.rsplit(":", 1)[1])
        process = start(port, tmp_path)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert err == f"Port {port} is taken; choose another one with --port.\n"


def test_process_refuses_production(tmp_path: Path) -> None:
    process = start(free_port(), tmp_path, POS_ENV="production")
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert err == "The payment simulator does not start where POS_ENV is production.\n"
    assert list(tmp_path.iterdir()) == []


def test_running_refuses_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POS_ENV", "production")
    with pytest.raises(NotInProduction), running():
        pass


def test_it_knows_neither_django_nor_the_gateways_it_judges() -> None:
    code = (
        "import sys, payments.simulator.__main__;"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'rest_framework', 'apps')"
        " or m in ('payments.mpesa', 'payments.airtel', 'payments.cards', 'payments.registry')])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=FOLDER.parent.parent, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"


# The tables


def test_readme_shows_the_modes_and_addresses_that_the_code_has() -> None:
    lines = set((FOLDER / "README.md").read_text(encoding="utf-8").splitlines())
    expected = {
        f"| {row['chosen_by'] or 'any other'} | `{row['mode']}` | {row['says']} |"
        for rows in mode_table().values()
        for row in rows
    }
    expected |= {f"| {method} | `{path}` | {says} |" for method, path, says, _ in ADDRESSES}
    shown = {line for line in lines if re.match(r"\| (07|any other|card\+|GET|POST)", line)}
    assert shown == expected


def test_readme_shows_the_credentials_with_their_defaults() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    with running() as simulator:
        for name, value in simulator.credentials.as_settings().items():
            assert f"| `{name}` | {f'`{value}`' if value else '(empty)'} |" in text


def test_numbers_are_kenyan_mobile_numbers_and_each_chooses_one_mode() -> None:
    chosen = [row["chosen_by"] for rows in mode_table().values() for row in rows if row["chosen_by"]]
    assert len(chosen) == len(set(chosen))
    for number in (c for c in chosen if c.startswith("0")):
        parsed = phonenumbers.parse(number, "KE")
        assert phonenumbers.is_valid_number(parsed)
        assert phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE


# The control endpoint


@pytest.mark.parametrize("form", ["0712345678", "254712345678", "+254 712 345 678", "712345678"])
def test_a_person_pays(shop: Shop, form: str) -> None:
    shop.push()
    (prompt,) = shop.get("/_/prompts/").json()
    assert (prompt["gateway"], prompt["phone"], prompt["amount"]) == ("mpesa", "254712345678", 622)
    assert prompt["account"] == "S1-000123"
    assert shop.post(f"/_/phones/{form}/pin/", {"pin": "1234"}).json()["outcome"] == "0"
    shop.simulator.settle()
    assert shop.bodies()[0]["Body"]["stkCallback"]["ResultCode"] == 0
    assert shop.get("/_/prompts/").json() == []


@pytest.mark.parametrize(
    ("path", "document", "code"),
    [("pin", {"pin": "0000"}, 2001), ("decline", None, 1032), ("ignore", None, 1037)],
)
def test_a_person_does_not_pay(shop: Shop, path: str, document: Any, code: int) -> None:
    shop.push()
    assert shop.post(f"/_/phones/{ANYBODY}/{path}/", document).status_code == 200
    shop.simulator.settle()
    assert [b["Body"]["stkCallback"]["ResultCode"] for b in shop.bodies()] == [code]


def test_a_prompt_that_nobody_touches_times_out() -> None:
    for shop in open_shop(patience=0.05):
        shop.push()
        shop.simulator.wait_for(lambda shop=shop: shop.got)
        assert shop.bodies()[0]["Body"]["stkCallback"]["ResultCode"] == 1037
        assert shop.simulator.prompts() == []


def test_one_of_two_prompts_on_a_phone_can_be_named(shop: Shop) -> None:
    first, second = shop.push().json(), shop.push(Amount=5).json()
    shop.simulator.decline(ANYBODY, second["CheckoutRequestID"])
    assert [p["id"] for p in shop.simulator.prompts()] == [first["CheckoutRequestID"]]
    shop.simulator.enter_pin(ANYBODY)
    assert shop.simulator.prompts() == []


@pytest.mark.parametrize(
    ("path", "document", "status", "sentence"),
    [
        ("/_/phones/0712345678/pin/", {"pin": "1234"}, 404, "No prompt is open on 0712 345 678."),
        ("/_/phones/0712345678/pin/", {"pin": "12345"}, 400, "A PIN is four digits"),
        ("/_/phones/0712345678/pin/", {"pin": 1234}, 400, "A PIN is four digits"),
        ("/_/phones/12/decline/", {}, 400, "12 is not a Kenyan phone number"),
        ("/_/phones/0712345678/laugh/", {}, 404, "There is nothing here."),
        ("/_/modes/", {"gateway": "cash", "mode": "success"}, 400, "gateway is one of mpesa, airtel, card."),
        ("/_/modes/", {"gateway": "mpesa", "mode": "rain"}, 400, "mpesa has no mode 'rain'"),
        ("/_/modes/", {"gateway": "mpesa", "mode": "success", "times": 0}, 400, "times is a whole number"),
        ("/_/modes/", [], 400, "The body is not a JSON object."),
        ("/_/callbacks/", {"enabled": "no"}, 400, "enabled is true or false."),
        ("/_/deliveries/1/again/", {}, 404, "There is no delivery 1."),
        ("/_/deliveries/x/again/", {}, 400, "A delivery is called by its number."),
        ("/_/cards/none/pay/", {}, 404, "No card payment has the reference 'none'."),
        ("/_/direct/", {"phone": ANYBODY, "amount": 5}, 409, "174379 has registered no addresses"),
        ("/_/limits/", {"queries": -1}, 400, "queries and seconds are whole numbers"),
        ("/_/tokens/expire/", {"gateway": "card"}, 400, "gateway is mpesa or airtel"),
        ("/_/nothing/", {}, 404, "There is nothing here."),
        ("/_/prompts/", {}, 405, "This address wants another method."),
    ],
)
def test_control_says_what_is_wrong(shop: Shop, path: str, document: Any, status: int, sentence: str) -> None:
    answer = shop.post(path, document)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(sentence)


def test_control_is_not_for_pages_of_other_sites(shop: Shop) -> None:
    answer = shop.post("/_/reset/", {}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert shop.post("/_/reset/", {}, headers={"Origin": shop.base}).status_code == 200


def test_chosen_modes_phone_before_all_before_number_and_counted(shop: Shop) -> None:
    shop.post("/_/modes/", {"gateway": "mpesa", "mode": "busy"})
    shop.post("/_/modes/", {"gateway": "mpesa", "mode": "cancelled", "phone": "0700 000 001", "times": 1})
    codes = []
    for phone in ("0700 0000 01", "0700 0000 01", ANYBODY):
        shop.push(phone)
        shop.simulator.settle()
        codes.append(shop.bodies()[-1]["Body"]["stkCallback"]["ResultCode"])
    assert codes == [1032, 26, 26]
    shop.post("/_/modes/", {"gateway": "mpesa", "mode": "prompt"})
    shop.push("0700 0000 01")
    shop.simulator.settle()
    assert shop.bodies()[-1]["Body"]["stkCallback"]["ResultCode"] == 0


def test_callbacks_can_be_switched_off_and_sent_again(shop: Shop) -> None:
    shop.post("/_/callbacks/", {"enabled": False})
    checkout_id = shop.push("0700 0000 01").json()["CheckoutRequestID"]
    shop.simulator.settle()
    assert shop.got == []
    assert shop.query(checkout_id).json()["ResultCode"] == "0"
    assert [d["results"] for d in shop.get("/_/deliveries/").json()] == [["switched off"]]
    assert shop.post("/_/deliveries/1/again/").json()["results"] == ["switched off", "200"]
    assert len(shop.got) == 1
    shop.post("/_/callbacks/", {"enabled": True})
    shop.post("/_/deliveries/1/again/")
    assert shop.got[0][2] == shop.got[1][2]


def test_a_shop_that_does_not_answer_is_reported(shop: Shop) -> None:
    shop.push("0700 0000 01", CallBackURL=f"http://127.0.0.1:{free_port()}/stk")
    shop.simulator.settle()
    assert shop.simulator.deliveries()[0]["results"] == ["no answer: ConnectionError"]


def test_the_log_shows_no_secrets_and_no_whole_phones(shop: Shop) -> None:
    shop.push()
    document = {
        "reference": "S1",
        "subscriber": {"country": "KE", "currency": "KES", "msisdn": "733123456"},
        "transaction": {"amount": 10, "country": "KE", "currency": "KES", "id": "abc"},
    }
    shop.post("/merchant/v1/payments/", document, headers=shop.airtel_headers())
    shop.post("/transaction/initialize", {"email": "a@b.ke", "amount": 1}, headers=shop.card_headers())
    log = shop.get("/_/requests/")
    assert [entry["gateway"] for entry in log.json()] == ["mpesa", "mpesa", "airtel", "airtel", "card"]
    for secret in (
        shop.push_document(ANYBODY)["Password"][:40],
        shop.mpesa_token(),
        shop.settings["AIRTEL_CLIENT_SECRET"],
        shop.settings["PAYMENT_GATEWAY_API_KEY"],
        "712345678",
        "733123456",
    ):
        assert secret not in log.text
    assert "S1-000123" in log.text


def test_reset_forgets_everything(shop: Shop) -> None:
    shop.push()
    shop.push("0700 0000 01")
    shop.simulator.settle()
    shop.post("/_/modes/", {"gateway": "mpesa", "mode": "busy"})
    shop.post("/_/callbacks/", {"enabled": False})
    assert shop.post("/_/reset/").status_code == 200
    state = shop.get("/_/state/").json()
    assert state == {"payments": [], "cards": [], "deliveries": [], "callbacks": True, "chosen": []}
    assert shop.get("/_/requests/").json() == []
    assert shop.push().status_code == 404  # the token is forgotten, too


def test_methods_raise_sentences(shop: Shop) -> None:
    with pytest.raises(Impossible, match="No prompt is open on 0712 345 678"):
        shop.simulator.enter_pin(ANYBODY)
    with pytest.raises(TimeoutError):
        shop.simulator.wait_for_prompt(ANYBODY, seconds=0.02)


# The page and the server


def test_the_page_loads_nothing_from_elsewhere(shop: Shop) -> None:
    page = shop.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert re.findall(r'(?:src|href)="([^"]+)"', page.text) == [
        "data:,",
        "/_/files/page.css",
        "/_/files/page.js",
    ]
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        answer = shop.get(f"/_/files/{name}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
        assert "http:" not in answer.text
        assert "https:" not in answer.text
    assert "innerHTML" not in shop.get("/_/files/page.js").text
    assert shop.get("/_/files/world.py").status_code == 404


def test_bodies_are_bounded(shop: Shop) -> None:
    answer = requests.post(shop.base + "/_/reset/", data=b"x" * (256 * 1024 + 1), timeout=10)
    assert answer.status_code == 413
    chunked = requests.post(shop.base + "/_/reset/", data=iter([b"{}"]), timeout=10)
    assert chunked.status_code == 411


def test_settings_are_what_a_shop_needs(shop: Shop) -> None:
    settings = shop.simulator.settings
    for name in ("MPESA_BASE_URL", "AIRTEL_BASE_URL", "PAYMENT_GATEWAY_BASE_URL"):
        assert settings[name] == shop.base
    assert Path(settings["MPESA_CERTIFICATE"]).name == "mpesa_certificate.pem"
    assert all(isinstance(value, str) for value in settings.values())
