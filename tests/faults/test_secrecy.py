"""Canary secrets in all settings, logs at DEBUG, every kind of payment played: none is read anywhere (S14)."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from rest_framework.test import APIClient

from apps.payments.addresses import token_of
from apps.payments.models import Payment, Refund
from tests.faults.stub import BEHAVIOURS, a_stub
from tests.faults.test_forgery import HOOKS, SIGNATURE, bring, claim, open_payment, signed
from tests.figures import show
from tests.journeys.till import AIRTEL_PAYS, API, BY_HAND, PAYS, Till

CANARIES = {
    "mpesa_key": "canary-consumer-key-01",
    "mpesa_secret": "canary-consumer-secret-02",
    "mpesa_passkey": "canarypasskey03" * 4,
    "mpesa_initiator_password": "Canary-initiator-04!",
    "airtel_id": "canary-airtel-id-05",
    "airtel_secret": "canary-airtel-secret-06",
    "airtel_callback_key": "canary-airtel-callback-07",
    "card_key": "sk_test_canary_card_key_08",
}
CARD_NUMBER = "4084084084084081"
PHONES = (PAYS, AIRTEL_PAYS, BY_HAND, "0700000077", "0700000002")


class Heard(logging.Handler):
    """Everything that any logger says, written out as the shop's own handler writes it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.unblanked: list[str] = []
        self.setFormatter((logging.getLogger().handlers and _shops_formatter()) or None)

    def emit(self, record: logging.LogRecord) -> None:
        # The simulator lives in this process and posts to our addresses; its lines are not the shop's.
        simulators = record.name.startswith("urllib3") and record.threadName != "gateway-call"
        if not simulators:
            self.lines.append(self.format(record))
            self.unblanked.append(record.getMessage())


def _shops_formatter() -> logging.Formatter | None:
    """That of the handler which the settings put at the root."""
    (handler,) = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    return handler.formatter


@pytest.fixture
def heard() -> Iterator[Heard]:
    """With every logger open as far as it goes."""
    handler = Heard()
    names = ["", "django", "django.request", "django.server", "urllib3", "payments", "apps", "requests"]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The body of every answer that any client of these tests gets."""
    answers: list[str] = []
    request = APIClient.request

    def remember(self: APIClient, **given: Any) -> Any:
        answer = request(self, **given)
        answers.append(answer.content.decode(errors="replace"))
        return answer

    monkeypatch.setattr(APIClient, "request", remember)
    return answers


@pytest.fixture
def canaries(till: Till, settings: Any) -> Till:
    for name, value in CANARIES.items():
        setattr(till.simulator.credentials, name, value)
    settings.GATEWAYS = {**settings.GATEWAYS, **till.simulator.settings, "AIRTEL_CALLBACK_URL": ""}
    return till


def test_no_secret_is_read_in_logs_tables_or_answers(
    canaries: Till, heard: Heard, told: list[str], settings: Any
) -> None:
    till = canaries
    access_tokens: set[str] = set()
    for play in (_phones_and_cards, _refunds, _failures, _strange_messages):
        play(till, settings)
        access_tokens |= {token for kept in till.simulator.world.tokens.values() for token in kept}

    assert access_tokens
    _check_addresses_were_used(till)
    secrets = _secrets(access_tokens)
    _assert_absent(secrets | _numbers(), "\n".join(heard.lines), "the logs")
    _assert_absent(secrets | {"a card number": CARD_NUMBER}, _every_column(), "the tables")
    _assert_absent(secrets | {"a card number": CARD_NUMBER}, "\n".join(told), "the answers")
    assert any("M-Pesa POST" in line for line in heard.lines), "the logs were really open"
    # Control: without the blanking there would have been something to find.
    said = "\n".join(heard.unblanked)
    assert any(value in said for value in secrets.values())
    show(
        "S14",
        "secrets, phone and card numbers in logs at DEBUG, tables and answers",
        f"{len(secrets)} secrets, {len(_numbers())} numbers; {len(heard.lines):,} lines, {len(told):,} answers",
        "none found; in the lines before blanking some were",
    )


def _phones_and_cards(till: Till, settings: Any) -> None:
    till.pay(till.sale(), phone=PAYS)
    till.pay(till.sale(), "airtel", AIRTEL_PAYS)
    card = till.pay(till.sale(), "card").json()
    till.simulator.pay_card(card["transaction_reference"])
    till.settle()
    till.work(2)
    assert Payment.objects.filter(status="success").count() == 3


def _refunds(till: Till, settings: Any) -> None:
    """One of each way, and one that is left lying and echoed back with our own credential."""
    till.pay(till.sale(), phone="0700000077")
    till.settle()
    for payment in [*Payment.objects.filter(status="success")]:
        refund = till.refund({"id": payment.pk, "amount": "116.00"}).json()
        till.approve(refund)
    till.settle()
    till.work(2)
    echoed = [message for message in till.messages() if message.route == "timeout"]
    assert echoed
    assert b"SecurityCredential" in bytes(echoed[0].body)


def _failures(till: Till, settings: Any) -> None:
    """Declines, refused and useless tokens, and gateways that are broken in every way."""
    for phone in ("0700000002", "0700000050", "0700000060", "0700000065", "0700000067", "0700000053"):
        till.pay(till.sale(), phone=phone)
    till.pay(till.sale(), "airtel", "0733000058")
    till.settle()
    good = settings.GATEWAYS
    with a_stub() as stub:
        for behaviour in ("html", "resets", "wrong types"):
            stub.behave = BEHAVIOURS[behaviour]
            addresses = {name: stub.url for name in good if name.endswith("_BASE_URL")}
            settings.GATEWAYS = {**good, **addresses}
            for method, phone in (("mpesa", PAYS), ("airtel", AIRTEL_PAYS), ("card", "")):
                till.pay(till.sale(), method, phone)
    # Nothing is set up: what comes to the addresses is refused with 503, which is logged with its path.
    settings.GATEWAYS = {**good, "MPESA_PASSKEY": ""}
    payment = Payment.objects.filter(method="mpesa").latest("id")
    bring(f"{HOOKS}daraja/{token_of(payment.transaction_reference)}/", b"{}")
    till.pay(till.sale(), phone=PAYS)
    settings.GATEWAYS = good


def _strange_messages(till: Till, settings: Any) -> None:
    """A card number in every place where somebody could put one."""
    payment = open_payment(till)
    known = f"{HOOKS}daraja/{token_of(payment.transaction_reference)}/"
    bring(known, claim(payment, merchant=CARD_NUMBER))
    bring(known, b"not json " + CARD_NUMBER.encode())
    card = {
        "event": "charge.success",
        "data": {"reference": CARD_NUMBER, "authorization": {"number": CARD_NUMBER}},
    }
    body = json.dumps(card).encode()
    bring(f"{HOOKS}card/callback/", body, **{SIGNATURE: signed(body, CANARIES["card_key"])})
    till.pay(till.sale(), "bank", account_number=CARD_NUMBER)
    till.admin.post(f"{API}{payment.pk}/confirm/", {"reference": CARD_NUMBER})


def _check_addresses_were_used(till: Till) -> None:
    """What is looked for is what was really handed out."""
    used = " ".join(delivery.url for delivery in till.simulator.raw_deliveries())
    references = Payment.objects.filter(method="mpesa").values_list("transaction_reference", flat=True)
    assert any(token_of(reference) in used for reference in references)


def _secrets(access_tokens: set[str]) -> dict[str, str]:
    found = {name: value for name, value in CANARIES.items() if name not in ("mpesa_key", "airtel_id")}
    pair = f"{CANARIES['mpesa_key']}:{CANARIES['mpesa_secret']}".encode()
    found["the login"] = base64.b64encode(pair).decode()
    found["SECRET_KEY"] = django_settings.SECRET_KEY
    for number, token in enumerate(sorted(access_tokens)):
        found[f"access token {number}"] = token
    for payment in Payment.objects.exclude(method="cash"):
        found[f"the address of payment {payment.pk}"] = token_of(payment.transaction_reference)
    for refund in Refund.objects.all():
        found[f"the address of refund {refund.pk}"] = token_of(refund.refund_reference)
    return found


def _numbers() -> dict[str, str]:
    whole = {f"the phone {phone}": phone[1:] for phone in PHONES}
    return {**whole, "a card number": CARD_NUMBER, "a raw body": "stkCallback"}


def _assert_absent(secrets: dict[str, str], text: str, place: str) -> None:
    shown = {name: _around(value, text) for name, value in secrets.items() if value in text}
    assert not shown, f"in {place}: {shown}"


def _around(value: str, text: str) -> str:
    where = text.index(value)
    return text[max(0, where - 120) : where + len(value) + 40]


def _every_column() -> str:
    """All texts, documents and bytes in all tables of payments, and the answers kept for repeats."""
    lines = []
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in [t for t in tables if t.startswith("payments_") or t == "core_idempotencykey"]:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names of our own
            lines += [f"{table}: {_text(value)}" for row in cursor.fetchall() for value in row]
    return "\n".join(lines)


def _text(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, memoryview) else str(value)
