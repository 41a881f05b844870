"""Every way in which a gateway can misbehave, played at the till: what stays open, who waits, what is let in (F4)."""

import socket
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection, transaction
from django.utils import timezone

from apps.payments.models import Payment
from apps.payments.services import send_charge, start_payment
from apps.payments.services.attempts import PaymentRequest
from apps.payments.worker import BREAK_AFTER, BREAK_SECONDS, Worker
from apps.sales.models import Sale
from payments import http
from payments.http import CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS
from tests.faults.stub import (
    BEHAVIOURS,
    BOMB,
    FLOOD,
    TOO_MANY,
    Behave,
    Stub,
    a_stub,
    drip,
    hang,
    nobody_there,
    says,
)
from tests.faults.test_misbehaving import (
    FIELDS,
    METHODS,
    answer_of,
    broken,
    certificate,
    clock,
    closing_after,
    impatience,
    stub,
    transactions,
)
from tests.faults.tls import Authority
from tests.figures import LONG, form, show
from tests.journeys.till import PAYS, Till

__all__ = ["broken", "certificate", "clock", "impatience", "stub"]

# Every kind with one of the gateways, in turn; and with each of them, ten times.
CASES = form(list(zip(BEHAVIOURS, cycle(METHODS), strict=False)), list(product(BEHAVIOURS, METHODS)) * 10)


class Looking:
    """Plays a misbehaviour, and looks first, with the request in hand, whether a transaction is open."""

    def __init__(self) -> None:
        self.behave: Behave = hang
        self.open: list[int] = []

    def __call__(self, stub: Stub, line: socket.socket) -> None:
        try:
            self.open.append(transactions())
        finally:
            connection.close()
        self.behave(stub, line)


@pytest.fixture
def looking(stub: Stub) -> Looking:
    looking = Looking()
    stub.behave = looking
    return looking


def test_control_a_transaction_that_is_open_during_the_call_is_seen(
    till: Till, broken: Callable[[], None], looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("gateways", "services.attempts"):
        monkeypatch.setattr(f"apps.payments.{room}.require_no_transaction", lambda: None)
    sale = Sale.objects.get(pk=till.sale()["id"])
    broken()
    with transaction.atomic():
        wanted = PaymentRequest("mpesa", sale.total, phone_number=PAYS)
        payment = start_payment(sale, wanted, user=sale.cashier, now=timezone.now())
        send_charge(payment.pk)
    assert looking.open == [1]


@pytest.mark.long_form
def test_every_misbehaviour_at_the_till(
    till: Till, stub: Stub, broken: Callable[[], None], looking: Looking
) -> None:
    """The payment stays open, the customer is asked once, and no transaction is open meanwhile."""
    broken()
    for number, (behaviour, method) in enumerate(CASES):
        looking.behave = BEHAVIOURS[behaviour]
        stub.paths.clear()
        key, sale = f"tap-{number}", till.sale()
        begun = till.pay(sale, method, key=key, **FIELDS[method])
        assert (begun.status_code, begun.json()["status"]) == (201, "pending"), (behaviour, begun.content)
        assert begun.json()["error_code"] == "outcome_unknown"
        assert till.pay(sale, method, key=key, **FIELDS[method]).content == begun.content
        assert till.pay(sale, "cash").json()["code"] == "payment_in_progress"
        assert len(stub.paths) == 1, (behaviour, method, stub.paths)
    assert Payment.objects.filter(status="pending", amount_received=0).count() == len(CASES)
    assert looking.open == [0] * len(CASES)
    show(
        "F4",
        f"{len(BEHAVIOURS)} misbehaviours at the till, M-Pesa, Airtel and card",
        f"{len(CASES)} payments",
        "all open, none failed, each asked once, 0 transactions open during a call",
    )


@pytest.mark.parametrize("method", METHODS)
def test_who_wants_fewer_requests_has_carried_out_none(
    till: Till, stub: Stub, broken: Callable[[], None], method: str
) -> None:
    """429 is a refusal: the payment is failed at once, and the till may go on."""
    broken()
    stub.behave = TOO_MANY
    sale = till.sale()
    refused = till.pay(sale, method, **FIELDS[method])
    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_unreachable"), refused.content
    assert refused["Retry-After"]
    assert (len(stub.paths), Payment.objects.get().status) == (1, "failed")
    assert till.pay(sale, "cash").status_code == 201


@pytest.mark.long_form
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_led_to_another_host(stub: Stub, certificate: Path, status: int) -> None:
    """A second server of this computer listens where the gateway points to, and hears nothing (S11)."""
    calls = list(product(METHODS, ("start", "query", "refund", "query_refund"))) * form(1, 9)
    with a_stub() as inside:
        assert requests.get(f"{inside.url}/oauth", timeout=5).ok  # control: it can be reached
        stub.behave = says(status, b"", more=f"Location: {inside.url}/latest/meta-data/\r\n")
        for method, what in calls:
            assert answer_of(method, what, stub.url, certificate) in {"OutcomeUnknown", "unknown", "pending"}
        assert (inside.connections, len(stub.paths)) == (1, len(calls))
    show(
        "S11",
        f"Redirect {status} to a host inside",
        f"{len(calls)} calls",
        f"{inside.connections - 1} connections there",
    )


def test_a_flood_is_not_drunk(stub: Stub, certificate: Path) -> None:
    """Of fifty megabytes only what lies in the sockets is taken, of a gzip bomb only the first pieces."""
    answer_of("card", "start", stub.url, certificate)  # whatever is loaded at the first call
    tracemalloc.start()
    try:
        for behaviour in ("floods", "gzip bomb"):
            stub.behave = BEHAVIOURS[behaviour]
            assert answer_of("card", "start", stub.url, certificate) == "OutcomeUnknown"
            tracemalloc.reset_peak()
            assert answer_of("card", "start", stub.url, certificate) == "OutcomeUnknown"
            peak = tracemalloc.get_traced_memory()[1]
            assert peak < 8_000_000
    finally:
        tracemalloc.stop()
    assert stub.poured < FLOOD / 2
    show(
        "F4",
        f"Bodies of {FLOOD // 10**6} MB, and {BOMB // 10**6} MB packed into few",
        "2 each",
        f"given up; memory at most {peak / 1e6:.1f} MB",
    )


@pytest.mark.parametrize("names", [("127.0.0.1",), ("gateway.example",)])
def test_a_certificate_for_another_name_is_refused_before_anything_is_sent(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """The same authority, trusted both times; only where the name is right anything is said."""
    authority = Authority(tmp_path)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(authority.bundle))
    monkeypatch.setattr(http, "READ_SECONDS", 5.0)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 10.0)
    right = names == ("127.0.0.1",)
    with a_stub(authority.server(*names)) as stub:
        stub.behave = says(500, b"")
        said = [answer_of(method, "start", stub.url, certificate) for method in METHODS]
        assert (set(said), len(stub.paths)) == (({"OutcomeUnknown"}, 3) if right else ({"NotSent"}, 0))
        assert stub.connections
    if not right:
        show("F4", "A certificate for another name", f"{len(said)} calls", "surely not sent, 0 requests read")


@pytest.mark.long_form
@pytest.mark.skipif(not LONG, reason="takes as long as a gateway may: 15 s")
@pytest.mark.parametrize("behave", [hang, drip])
def test_the_deadline_holds_by_the_clock(
    stub: Stub, certificate: Path, monkeypatch: pytest.MonkeyPatch, behave: Any
) -> None:
    """With the time-outs that the shop really has."""
    monkeypatch.setattr(http, "READ_SECONDS", READ_SECONDS)
    monkeypatch.setattr(http, "TOTAL_SECONDS", TOTAL_SECONDS)
    stub.behave = behave
    began = time.monotonic()
    with ThreadPoolExecutor(len(METHODS)) as pool:
        said = list(pool.map(lambda method: answer_of(method, "start", stub.url, certificate), METHODS))
    took = time.monotonic() - began
    assert set(said) == {"OutcomeUnknown"}
    assert took < TOTAL_SECONDS + CONNECT_SECONDS
    show("F4", f"{behave.__name__} for ever, by the clock", "3 calls", f"given up after {took:.1f} s")


def test_others_do_not_wait_for_a_gateway_that_hangs(
    till: Till, stub: Stub, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight tills hang in a payment; the ninth sells on."""
    monkeypatch.setattr(http, "READ_SECONDS", 20.0)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 20.0)
    broken()
    stub.behave = hang
    before = _p95(till)
    sales = [till.sale() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        hanging = [pool.submit(closing_after, lambda sale=sale: till.pay(sale, phone=PAYS)) for sale in sales]
        try:
            while len(stub.paths) < len(sales):
                time.sleep(0.01)
            assert transactions() == 0
            during = _p95(till)
            assert not any(pay.done() for pay in hanging)
        finally:
            stub.released.set()
        assert {pay.result(10).json()["status"] for pay in hanging} == {"pending"}
    result = (
        f"p95 of a sale in cash {before * 1000:.0f} ms before, {during * 1000:.0f} ms meanwhile; 0 waited"
    )
    show("F4", "8 tills hang at a gateway, others sell", "40 sales each", result)


def _p95(till: Till) -> float:
    times = []
    for _ in range(40):
        began = time.monotonic()
        assert till.pay(till.sale(), "cash").status_code == 201
        times.append(time.monotonic() - began)
    return sorted(times)[-2]


@pytest.mark.parametrize("behaviour", ["hangs", "503", "html", "nobody there"])
def test_the_worker_gives_a_broken_gateway_a_rest(
    till: Till, stub: Stub, broken: Callable[..., None], clock: list[float], settings: Any, behaviour: str
) -> None:
    """Five questions in vain, then none for half a minute, then one; when that is answered, all go on."""
    till.simulator.switch_callbacks(False)
    open_ = [till.pay(till.sale(), phone=PAYS).json()["id"] for _ in range(8)]
    till.simulator.settle()
    working = settings.GATEWAYS
    broken(nobody_there() if behaviour == "nobody there" else stub.url)
    stub.behave = BEHAVIOURS.get(behaviour, hang)
    worker = Worker()

    assert _questions(worker) == BREAK_AFTER
    clock[0] += BREAK_SECONDS - 1
    assert _questions(worker) == 0
    clock[0] += 2
    assert _questions(worker) == 1
    settings.GATEWAYS = working
    assert _questions(worker) == 0
    clock[0] += BREAK_SECONDS + 1
    assert _questions(worker) == len(open_)
    assert Payment.objects.filter(pk__in=open_, status="success").count() == len(open_)
    result = f"{BREAK_AFTER} questions, then one every {BREAK_SECONDS:.0f} s, all settled after"
    show("F4", f"The worker at a broken gateway: {behaviour}", f"{len(open_)} open payments", result)


def _questions(worker: Worker) -> int:
    """How many questions the worker asks until it rests, everything being due."""
    Payment.objects.filter(status="processing").update(next_query_at=timezone.now())
    before = _queries()
    while worker._work_on("mpesa"):
        Payment.objects.filter(status="processing").update(next_query_at=timezone.now())
    connection.close()
    return _queries() - before


def _queries() -> int:
    return sum(Payment.objects.values_list("queries", flat=True))
