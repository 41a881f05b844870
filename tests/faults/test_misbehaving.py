"""Gateways that hang, drip, break the line or talk nonsense: what is not known stays open, and is never sent again."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from apps.payments import worker as worker_module
from apps.payments.models import Payment, Refund
from apps.payments.worker import BREAK_AFTER, BREAK_SECONDS, Breaker, Worker
from payments import http
from payments.base import Attempt, ChargeOrder, Gateway, RefundOrder, Result
from payments.errors import Misconfigured, NotSent, OutcomeUnknown
from payments.registry import gateway_for
from payments.runtime import Runtime
from payments.simulator import keys
from tests.concurrency.racing import ask
from tests.faults.stub import BEHAVIOURS, Stub, a_stub, hang, nobody_there
from tests.figures import form, show
from tests.journeys.till import PAYS, Till

METHODS = ("mpesa", "airtel", "card")
CALLS = ("start", "query", "refund", "query_refund")
WHEN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.15)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.3)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with a_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "certificate.pem"
    path.write_bytes(keys.certificate())
    return path


def at(url: str, certificate: Path) -> dict[str, str]:
    """The settings of a shop whose gateways are all at `url`."""
    return {
        "MPESA_BASE_URL": url,
        "MPESA_CONSUMER_KEY": "key",
        "MPESA_CONSUMER_SECRET": "secret",
        "MPESA_SHORTCODE": "174379",
        "MPESA_PASSKEY": "passkey",
        "MPESA_INITIATOR_NAME": "testapi",
        "MPESA_INITIATOR_PASSWORD": "password",
        "MPESA_CERTIFICATE": str(certificate),
        "AIRTEL_BASE_URL": url,
        "AIRTEL_CLIENT_ID": "id",
        "AIRTEL_CLIENT_SECRET": "secret",
        "PAYMENT_GATEWAY_BASE_URL": url,
        "PAYMENT_GATEWAY_API_KEY": "sk_test_key",
        "PAYMENT_GATEWAY_EMAIL": "till@shop.example",
        "CURRENCY": "KES",
    }


def call(gateway: Gateway, what: str) -> Result:
    reference = "PAY-0123456789ABCDEF0123"
    address = "https://shop.example/api/payments/webhooks/daraja/0123/"
    attempt = Attempt(reference, "ws_CO_1", Decimal(116), "KES", WHEN, receipt="SGH7XK21PQ")
    refund = RefundOrder(
        reference="REF-0123456789ABCDEF0123",
        payment=attempt,
        amount=Decimal(116),
        currency="KES",
        phone_number="254712345678",
        reason="Sour",
        requested_at=WHEN,
        result_url=f"{address}result/",
        timeout_url=f"{address}timeout/",
        status_url=f"{address}status/",
        status_timeout_url=f"{address}status-timeout/",
        gateway_id="AG_1",
    )
    charge = ChargeOrder(reference, Decimal(116), "KES", address, "S000001", "Shopping", "254712345678")
    argument = {"start": charge, "query": attempt, "refund": refund, "query_refund": refund}[what]
    act: Callable[[Any], Result] = getattr(gateway, what)
    return act(argument)


@pytest.mark.long_form
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_what_is_not_clear_is_unknown_and_asked_for_once(
    stub: Stub, certificate: Path, behaviour: str
) -> None:
    """Each call of each gateway: never a success, never a failure, and one request on the wire."""
    stub.behave = BEHAVIOURS[behaviour]
    calls = list(product(METHODS, CALLS)) * form(1, 9)
    longest = 0.0
    for method, what in calls:
        stub.paths.clear()
        began = time.monotonic()
        said = answer_of(method, what, stub.url, certificate)
        longest = max(longest, time.monotonic() - began)
        expected = {"OutcomeUnknown", "unknown", "pending"} if "query" in what else {"OutcomeUnknown"}
        assert said in expected, (method, what, said)
        assert len(stub.paths) == 1, (method, what, stub.paths)
    show(
        "F4",
        f"A gateway that misbehaves: {behaviour}",
        f"{len(calls)} calls",
        f"unknown each time, sent once; longest call {longest:.2f} s of {http.TOTAL_SECONDS} s allowed here",
    )


@pytest.mark.parametrize(("method", "what"), list(product(METHODS, CALLS)))
def test_a_refused_connection_was_surely_not_sent(certificate: Path, method: str, what: str) -> None:
    url = nobody_there()
    rounds = form(1, 9)
    assert [answer_of(method, what, url, certificate) for _ in range(rounds)] == ["NotSent"] * rounds


def answer_of(method: str, what: str, url: str, certificate: Path) -> str:
    gateway = gateway_for(method, at(url, certificate), Runtime(now=lambda: WHEN))
    try:
        return call(gateway, what).status.value
    except (OutcomeUnknown, NotSent, Misconfigured) as error:
        return type(error).__name__


# --- At the till ----------------------------------------------------------------------------------------


@pytest.fixture
def broken(till: Till, stub: Stub, certificate: Path, settings: Any) -> Callable[[str], None]:
    """From then on the gateways are at the stub, or nowhere."""

    def break_it(url: str = "") -> None:
        settings.GATEWAYS = {**settings.GATEWAYS, **at(url or stub.url, certificate)}
        settings.PUBLIC_BASE_URL = "https://shop.example"

    return break_it


FIELDS = {"mpesa": {}, "airtel": {"phone_number": "0733000001"}, "card": {}}


@pytest.mark.parametrize(("method", "behaviour"), list(product(METHODS, ("hangs", "html", "resets"))))
def test_a_payment_without_clear_answer_stays_open_and_is_never_sent_again(
    till: Till, stub: Stub, broken: Callable[[], None], method: str, behaviour: str
) -> None:
    broken()
    stub.behave = BEHAVIOURS[behaviour]
    sale = till.sale()
    begun = till.pay(sale, method, key="tap", **FIELDS[method])
    assert (begun.status_code, begun.json()["status"]) == (201, "pending"), begun.content
    assert begun.json()["error_code"] == "outcome_unknown"
    sent = list(stub.paths)
    assert len(sent) == 1

    assert till.pay(sale, method, key="tap", **FIELDS[method]).content == begun.content
    other = till.pay(sale, method, **FIELDS[method])
    assert (other.status_code, other.json()["code"]) == (409, "payment_in_progress")
    Payment.objects.update(next_query_at=timezone.now())
    Worker().run_once()

    assert stub.paths.count(sent[0]) == 1
    payment = Payment.objects.get()
    assert (payment.status, payment.amount_received) == ("pending", 0)


@pytest.mark.parametrize("method", METHODS)
def test_a_payment_that_was_surely_not_sent_fails_at_once(
    till: Till, broken: Callable[[str], None], method: str
) -> None:
    broken(nobody_there())
    sale = till.sale()
    refused = till.pay(sale, method, **FIELDS[method])
    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_unreachable"), refused.content
    assert Payment.objects.get().status == "failed"
    assert till.pay(sale, "cash").status_code == 201


@pytest.mark.parametrize("behaviour", ["hangs", "html", "resets", "redirects"])
def test_a_refund_without_clear_answer_is_never_sent_again(
    till: Till, stub: Stub, broken: Callable[[], None], behaviour: str
) -> None:
    payment = till.pay(till.sale(), phone=PAYS).json()
    till.settle()
    refund = till.refund(payment).json()
    broken()
    stub.behave = BEHAVIOURS[behaviour]

    approved = till.approve(refund)
    assert (approved.status_code, approved.json()["status"]) == (200, "processing"), approved.content
    Refund.objects.update(next_query_at=timezone.now())
    Worker().run_once()

    assert sum("reversal" in path for path in stub.paths) == 1
    assert Refund.objects.get().status == "processing"
    too_much = till.refund(payment, "1.00")
    assert too_much.json()["code"] == "refund_exceeds_payment"


def test_a_gateway_that_hangs_holds_no_transaction_and_nobody_else(
    till: Till, stub: Stub, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 10.0)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 10.0)
    broken()
    stub.behave = hang
    sale, other = till.sale(), till.sale()

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(closing_after, lambda: till.pay(sale, phone=PAYS))
        try:
            assert stub.hanging.wait(10)
            assert transactions() == 0
            assert till.cashier.get("/api/sales/sales/").status_code == 200
            assert till.pay(other, "cash").status_code == 201
            # Also this sale's own rows are free.
            assert till.pay(sale, "cash").json()["code"] == "payment_in_progress"
            assert transactions() == 0
            assert not hanging.done()
        finally:
            stub.released.set()
        assert hanging.result(10).json()["status"] == "pending"


def closing_after(act: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return act()
    finally:
        connection.close()


def transactions() -> int:
    """How many of our connections have a transaction open, this one's look aside."""
    return ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> 'watcher'"
    )


# --- The breaker ----------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(worker_module.time, "monotonic", lambda: now[0])
    return now


def test_the_breaker_opens_after_five_failures_and_one_probes_later(clock: list[float]) -> None:
    breaker = Breaker()
    for _ in range(BREAK_AFTER - 1):
        breaker.failed()
    assert not breaker.is_open()
    breaker.failed()
    assert breaker.is_open()
    clock[0] += BREAK_SECONDS - 0.01
    assert breaker.is_open()
    clock[0] += 0.02
    assert not breaker.is_open()
    breaker.failed()
    assert breaker.is_open(), "one failed probe is enough"
    clock[0] += BREAK_SECONDS + 0.01
    breaker.worked()
    for _ in range(BREAK_AFTER - 1):
        breaker.failed()
    assert not breaker.is_open()


@pytest.mark.django_db
def test_a_worker_leaves_a_broken_gateway_alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five failures in a row, with idle rounds between them as there are when few customers pay."""
    monkeypatch.setattr(worker_module, "_configured", lambda method: True)
    monkeypatch.setattr(worker_module, "work_on_refunds", lambda method: False)
    due = [True, False, False] * BREAK_AFTER
    asked: list[str] = []

    def ask_about_one(method: str) -> bool:
        if not due.pop(0):
            return False
        asked.append(method)
        raise OutcomeUnknown("No answer.")

    monkeypatch.setattr(worker_module, "work_on_payments", ask_about_one)
    worker = Worker()
    for _ in range(len(due) - 2):
        worker._work_on("mpesa")
    assert len(asked) == BREAK_AFTER
    assert worker.breakers["mpesa"].is_open()
    assert not worker.breakers["card"].is_open()
    assert worker._work_on("mpesa") is False
