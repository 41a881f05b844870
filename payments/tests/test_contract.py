"""The one contract that every gateway passes: what the shop may rely on, whichever of them it talks to."""

import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.base import (
    Attempt,
    Capabilities,
    ChargeOrder,
    Gateway,
    Notice,
    RefundOrder,
    Result,
    Route,
    Status,
)
from payments.errors import BadCallback, Misconfigured, NotConfigured, NotSent, OutcomeUnknown
from payments.registry import GATEWAYS, LABELS, gateway_for
from payments.runtime import Runtime
from payments.simulator import Simulator, running

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))
SECRETS = ("SECRET", "PASSKEY", "PASSWORD", "API_KEY", "CLIENT_SECRET", "CALLBACK_KEY")
PAYERS = {"mpesa": "254700000001", "airtel": "254733000001", "card": ""}
DECLINES = {"mpesa": "254700000002", "airtel": "254733000002", "card": ""}
NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Case:
    """One gateway, and the simulator it talks to."""

    method: str
    gateway: Gateway
    simulator: Simulator
    settings: Mapping[str, str]

    def order(self, phone: str, reference: str = "PAY-0001", amount: str = "116.00") -> ChargeOrder:
        return ChargeOrder(
            reference=reference,
            amount=Decimal(amount),
            currency="KES",
            callback_url="http://127.0.0.1:9/api/payments/webhooks/daraja/0123456789abcdef/",
            account="S000001",
            description="Shopping",
            phone_number=phone,
        )

    def begin(self, phone: str, reference: str = "PAY-0001") -> tuple[Result, Attempt]:
        order = self.order(phone, reference)
        result = self.gateway.start(order)
        attempt = Attempt(
            reference=reference,
            gateway_id=result.gateway_id,
            amount=order.amount,
            currency="KES",
            started_at=datetime.now(UTC),
            receipt=result.receipt,
            details=result.details,
        )
        return result, attempt

    def settled(self, attempt: Attempt) -> Result:
        """Asks until there is an outcome."""
        if self.method == "card":
            self.simulator.pay_card(attempt.reference)
        self.simulator.settle()
        return self.gateway.query(attempt)

    def refund_of(self, attempt: Attempt, result: Result) -> RefundOrder:
        url = "http://127.0.0.1:9/api/payments/webhooks/daraja/fedcba9876543210"
        return RefundOrder(
            reference="REF-0001",
            payment=dataclasses.replace(attempt, receipt=result.receipt or "SAA0000001"),
            amount=attempt.amount,
            currency="KES",
            phone_number=PAYERS[self.method],
            reason="Returned",
            requested_at=datetime.now(UTC),
            result_url=f"{url}/result/",
            timeout_url=f"{url}/timeout/",
            status_url=f"{url}/status/",
            status_timeout_url=f"{url}/status-timeout/",
        )


class NoLimit:
    def take(self, name: str, per_minute: float) -> float:
        return 0.0

    def drain(self, name: str, seconds: float) -> None:
        """Nothing is counted."""


def make(method: str, settings: Mapping[str, str]) -> Gateway:
    return gateway_for(method, {"CURRENCY": "KES", **settings}, Runtime(budget=NoLimit()))


@pytest.fixture(params=sorted(GATEWAYS))
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    with running() as simulator:
        yield Case(request.param, make(request.param, simulator.settings), simulator, simulator.settings)


@pytest.fixture(params=sorted(GATEWAYS))
def unreachable(request: pytest.FixtureRequest) -> Iterator[Case]:
    with running() as simulator:
        bases = ("MPESA_BASE_URL", "AIRTEL_BASE_URL", "PAYMENT_GATEWAY_BASE_URL")
        settings = {**simulator.settings, **dict.fromkeys(bases, NOWHERE)}
        yield Case(request.param, make(request.param, settings), simulator, settings)


def test_every_method_has_a_label_and_a_gateway() -> None:
    assert set(LABELS) == set(GATEWAYS) == {"mpesa", "airtel", "card"}


@pytest.mark.parametrize("method", sorted(GATEWAYS))
def test_without_credentials_it_says_so(method: str) -> None:
    with pytest.raises(NotConfigured, match="is not set up in this shop"):
        make(method, {})


def test_half_a_configuration_names_the_settings_and_no_value(case: Case) -> None:
    prefix = {"mpesa": "MPESA_CONSUMER_SECRET", "airtel": "AIRTEL_CLIENT_SECRET"}.get(
        case.method, "PAYMENT_GATEWAY_BASE_URL"
    )
    with pytest.raises(Misconfigured, match=prefix) as caught:
        make(case.method, {**case.settings, prefix: ""})
    assert not [
        name
        for name, value in case.settings.items()
        if any(word in name for word in SECRETS) and value and value in str(caught.value)
    ]


def test_it_says_what_it_can_do(case: Case) -> None:
    can = case.gateway.capabilities
    assert isinstance(can, Capabilities)
    assert case.gateway.method == case.method
    assert case.gateway.environment in ("sandbox", "production")
    assert 0 < can.minimum <= can.maximum
    assert can.label
    assert can.refunds
    assert not (can.hosted_page and can.needs_phone)


def test_begun_is_not_paid(case: Case) -> None:
    result, _ = case.begin(PAYERS[case.method])
    assert result.status is Status.PENDING
    assert result.gateway_id
    assert bool(result.payment_url) == case.gateway.capabilities.hosted_page
    known = case.gateway.id_of("PAY-0001")
    assert known in ("", result.gateway_id)


def test_asked_it_tells_the_outcome(case: Case) -> None:
    _, attempt = case.begin(PAYERS[case.method])
    result = case.settled(attempt)
    assert result.status is Status.SUCCEEDED
    assert result.amount in (None, Decimal("116.00"))
    assert result.currency in ("", "KES")


def test_a_refusal_is_a_result_with_a_sentence(case: Case) -> None:
    _, attempt = case.begin(DECLINES[case.method])
    if case.method == "card":
        case.simulator.decline_card(attempt.reference)
    case.simulator.settle()
    result = case.gateway.query(attempt)
    assert result.status in (Status.DECLINED, Status.CANCELLED)
    assert result.code
    assert result.message.endswith(".")


def test_nothing_is_begun_twice_by_asking_again(case: Case) -> None:
    _, attempt = case.begin(PAYERS[case.method])
    for _ in range(3):
        case.gateway.query(attempt)
    starts = [r for r in case.simulator.requests() if _begins(r)]
    assert len(starts) == 1


def _begins(request: Mapping[str, Any]) -> bool:
    text = json.dumps(request)
    return any(part in text for part in ("stkpush/v1", "merchant/v1/payments", "transaction/initialize"))


def test_a_refund_is_taken_and_its_outcome_can_be_asked(case: Case) -> None:
    _, attempt = case.begin(PAYERS[case.method])
    paid = case.settled(attempt)
    receipt = (
        paid.receipt
        or case.simulator.raw_deliveries()[-1]
        .body.decode()
        .partition('ReceiptNumber","Value":"')[2]
        .partition('"')[0]
    )
    order = case.refund_of(attempt, dataclasses.replace(paid, receipt=receipt))
    result = case.gateway.refund(order)
    assert result.status in (Status.PENDING, Status.SUCCEEDED)
    case.simulator.settle()
    order = dataclasses.replace(order, gateway_id=result.gateway_id, details=result.details)
    assert case.gateway.query_refund(order).status in (Status.PENDING, Status.SUCCEEDED)


def test_what_cannot_be_reached_was_not_sent(unreachable: Case) -> None:
    _, gateway = unreachable.method, unreachable.gateway
    with pytest.raises(NotSent) as caught:
        gateway.start(unreachable.order(PAYERS[unreachable.method]))
    assert not isinstance(caught.value, OutcomeUnknown)
    attempt = Attempt("PAY-0001", "x", Decimal(116), "KES", datetime.now(UTC))
    with pytest.raises(NotSent):
        gateway.query(attempt)


def test_its_acknowledgement_is_json(case: Case) -> None:
    assert json.dumps(dict(case.gateway.acknowledgement))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_any_sample_is_read_or_refused(path: Path) -> None:
    """Also those of other gateways: what lands at the wrong address must not be taken for a payment."""
    body = json.dumps(json.loads(path.read_text())).encode()
    for method, gateway in every_gateway().items():
        for route in Route:
            notice = read(gateway, route, body)
            if notice is not None and not path.stem.startswith(method):
                assert notice.result.status is not Status.SUCCEEDED, (method, route)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([
        "Body", "stkCallback", "Result", "transaction", "data", "event", "CallbackMetadata", "Item", "Name", "Value",
        "ResultCode", "CheckoutRequestID", "reference", "amount", "id", "status_code", "hash",
    ]), inner, max_size=4),
    max_leaves=12,
).map(lambda document: json.dumps(document).encode()))  # fmt: skip
def test_nothing_that_comes_in_breaks_it(body: bytes) -> None:
    for gateway in every_gateway().values():
        assert gateway.authentic({"x-paystack-signature": "é"}, body, datetime.now(UTC)) in (
            True,
            False,
            None,
        )
        for route in Route:
            read(gateway, route, body)


def test_the_values_are_frozen_and_described() -> None:
    for kind in (Capabilities, ChargeOrder, Attempt, RefundOrder, Result, Notice):
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert inspect.getdoc(kind)


def read(gateway: Gateway, route: Route, body: bytes) -> Notice | None:
    try:
        notice = gateway.read(route, body)
    except BadCallback:
        return None
    assert isinstance(notice, Notice)
    amount = notice.result.amount
    assert amount is None or amount == amount.quantize(Decimal("0.01"))
    return notice


_MADE: dict[str, Gateway] = {}


def every_gateway() -> dict[str, Gateway]:
    """Made once: reading needs nobody to talk to."""
    if not _MADE:
        with running() as simulator:
            _MADE.update({method: make(method, simulator.settings) for method in GATEWAYS})
    return _MADE
