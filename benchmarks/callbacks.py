"""Five hundred M-Pesa callbacks at once: how fast they are answered, and how soon every payment is settled, once.

To be imported when Django has been set up.
"""

import http.client
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from threading import Barrier

from django.db import connection, transaction
from django.utils import timezone
from tqdm import tqdm

from apps.payments.addresses import OWN_PATH, callback_url
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.services import PaymentRequest, start_payment
from apps.payments.services.outcomes import Source, apply_result
from apps.sales.models import Sale
from apps.sales.services import Order, OrderLine, find_and_lock, sell
from apps.users.models import User
from benchmarks import report
from benchmarks.stopping import STOP
from payments.base import Result, Status
from pos_backend.local.account import LauncherError
from pos_backend.local.children import start_program
from pos_backend.local.payments import worker
from pos_backend.local.postgres import PROJECT

COUNT = 500
SENDERS = 32
PATIENCE = 120.0
PRICE = Decimal("10.00")  # of the first product on the shelves, in whole shillings as M-Pesa wants them


@dataclass(frozen=True)
class Message:
    path: str
    body: bytes


@dataclass(frozen=True)
class Measured:
    """Seconds: each answer, until the last answer, and until the last payment was settled."""

    answers: Sequence[float]
    answered: float
    settled: float


def run(port: int, product_id: int, cashier: User, env: Mapping[str, str]) -> str:
    """Begins the payments, brings the callbacks, and checks every one; the lines of the report."""
    messages = [
        begin(number, product_id, cashier) for number in tqdm(range(COUNT), desc="Beginning", leave=False)
    ]
    with beside_worker(env):
        _warm_up(port)
        measured = _measure(port, messages)
    _check()
    return _lines(measured)


def begin(number: int, product_id: int, cashier: User) -> Message:
    """A payment whose prompt the customer looks at, and what Safaricom will say of it."""
    now = timezone.now()
    checkout, merchant = f"ws_CO_221120261915{number:06d}", f"29115-{number:06d}-1"
    with transaction.atomic():
        order = Order([OrderLine(Decimal(1), product_id=product_id)])
        sale = sell(order, cashier=cashier, discount_limit=None, now=now).sale
        wanted = PaymentRequest("mpesa", PRICE, phone_number=f"07{number:08d}")
        payment = start_payment(find_and_lock(sale.pk), wanted, user=cashier, now=now)
        Payment.objects.filter(pk=payment.pk).update(sent_at=now)
        taken = Result(Status.PENDING, gateway_id=checkout, details={"merchant_request_id": merchant})
        apply_result(payment.pk, taken, source=Source("start"), now=now)
    address = callback_url("mpesa", payment.transaction_reference)
    return Message("/" + address.split("/", 3)[3], _success(checkout, merchant, number))


def _success(checkout: str, merchant: str, number: int) -> bytes:
    items = {
        "Amount": 10.0,
        "MpesaReceiptNumber": f"SKM{number:07d}",
        "TransactionDate": 20261122191500,
        "PhoneNumber": int(f"2547{number:08d}"),
    }
    call = {
        "MerchantRequestID": merchant,
        "CheckoutRequestID": checkout,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": [{"Name": name, "Value": value} for name, value in items.items()]},
    }
    return json.dumps({"Body": {"stkCallback": call}}).encode()


@contextmanager
def beside_worker(env: Mapping[str, str]) -> Iterator[None]:
    """Beside the server as in a shop; it takes what a request could not finish."""
    child = None
    try:
        with STOP.held():
            child = start_program(worker(), PROJECT, env)
        yield
    finally:
        if child:
            child.stop()


def _warm_up(port: int) -> None:
    """A process loads its addresses with its first request; what cannot be read changes nothing."""
    nonsense = Message(f"{OWN_PATH}mpesa/callback/", b"warm-up")
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda _: _post(port, nonsense), range(4 * SENDERS)))


def _measure(port: int, messages: Sequence[Message]) -> Measured:
    """All senders begin together; each brings its next message when the last was answered."""
    waiting, start = deque(messages), Barrier(SENDERS + 1)
    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send, port, waiting, start) for _ in range(SENDERS)]
        start.wait()
        began = time.monotonic()
        answers = [seconds for sender in senders for seconds in sender.result()]
        answered = time.monotonic() - began
    while (
        left := Payment.objects.filter(status="processing").count()
    ) and time.monotonic() - began < PATIENCE:
        time.sleep(0.02)
    settled = time.monotonic() - began
    if left:
        raise LauncherError(f"{left} of {COUNT} payments were not settled in {PATIENCE:.0f} s.")
    return Measured(answers, answered, settled)


def _send(port: int, waiting: deque[Message], start: Barrier) -> list[float]:
    start.wait()
    times: list[float] = []
    while waiting:
        try:
            message = waiting.popleft()
        except IndexError:  # another sender was faster
            break
        began = time.monotonic()
        status = _post(port, message)
        times.append(time.monotonic() - began)
        if status != 200:
            raise LauncherError(f"A callback was answered with {status}.")
    return times


def _post(port: int, message: Message) -> int:
    """Over a connection of its own, as Safaricom's messages come."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Content-Type": "application/json", "Connection": "close"}
        line.request("POST", message.path, message.body, headers)
        answer = line.getresponse()
        # Not to the end of the line: the server closes it when it has also done the work.
        answer.read(int(answer.headers["Content-Length"]))
        return answer.status
    finally:
        line.close()


def _check() -> None:
    """Raises `LauncherError` unless each payment was settled by its own callback, once, and its sale completed."""
    sales = Sale.objects.filter(status="completed", amount_paid=PRICE, amount_pending=0)
    receipts = list(sales.order_by("receipt").values_list("receipt", flat=True))
    payments = Payment.objects.filter(
        status="success", amount_received=PRICE, amount_applied=PRICE, queries=0
    )
    found = {
        "payments settled": payments.count(),
        "receipts of M-Pesa": payments.values("external_reference").distinct().count(),
        "callbacks applied": GatewayCallback.objects.filter(state="applied", repeats=0).count(),
        "sales completed": len(receipts),
    }
    wrong = [f"{name}: {number}" for name, number in found.items() if number != COUNT]
    if wrong or receipts != list(range(1, COUNT + 1)) or Refund.objects.exists():
        raise LauncherError(f"The books are wrong: {', '.join(wrong) or 'receipts or refunds'}.")
    connection.close()


def _lines(measured: Measured) -> str:
    p50, p99 = (report.percentile(measured.answers, share) * 1000 for share in (0.50, 0.99))
    return "\n".join(
        (
            "",
            f"{COUNT} M-Pesa callbacks from {SENDERS} senders at once",
            f"answered   {COUNT / measured.answered:.0f} a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms",
            f"settled    all {COUNT} after {measured.settled:.2f} s: {COUNT / measured.settled:.0f} a second",
            "",
            f"The books are right: {COUNT} payments settled once each, {COUNT} sales completed, no receipt missing.",
        )
    )
