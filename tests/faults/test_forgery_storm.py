"""Forgeries by the hundred, old signatures, and messages that belong to another shop (S9, S10)."""

import hashlib
import hmac
import secrets
import time
from collections import Counter
from typing import Any

import pytest
from django.test import override_settings

from apps.payments.models import GatewayCallback, Payment
from payments.simulator import Simulator
from tests.faults.test_forgery import (
    FORGED_CARD,
    FORGED_MPESA,
    HOOKS,
    SIGNATURE,
    bring,
    charge,
    claim,
    credited,
    open_payment,
    signed,
    token,
)
from tests.figures import form, show
from tests.journeys.till import BY_HAND, Till

FORGERIES = form(120, 1_200)


@pytest.mark.long_form
def test_of_many_forgeries_none_is_credited(till: Till) -> None:
    """All kinds in turn, no two alike, from addresses that claim to be Safaricom's; then the real one counts."""
    payment, other, card = open_payment(till), open_payment(till), open_payment(till, "card")
    kinds = [*FORGED_MPESA, "a guessed token", *FORGED_CARD]
    answers: Counter[int] = Counter()
    for number in range(FORGERIES):
        kind = kinds[number % len(kinds)]
        headers = {"X-Forwarded-For": "196.201.214.200"}
        if kind in FORGED_CARD:
            genuine = charge(card, id=4_099_000_000 + number)
            body, more = FORGED_CARD[kind](genuine, till.simulator.credentials.card_key)
            path, headers = "card/callback/", {**headers, **more}
        elif kind in FORGED_MPESA:
            path, body = FORGED_MPESA[kind](payment, other)
            body = body.replace(b"20261122191500", f"2026112219{number:04d}".encode())
        else:
            path, body = f"daraja/{secrets.token_hex(16)}/", claim(payment)
        answers[bring(HOOKS + path, body, **headers).status_code] += 1
    till.work()

    assert set(answers) <= {200, 400, 401}
    assert answers[401] == sum(kinds[n % len(kinds)] in FORGED_CARD for n in range(FORGERIES))
    assert credited() == 0
    assert set(Payment.objects.values_list("status", flat=True)) == {"processing"}
    till.simulator.enter_pin(BY_HAND)
    till.settle()
    assert credited() == 116
    show(
        "S9",
        "forged callbacks and webhooks",
        f"{FORGERIES:,} of {len(kinds)} kinds",
        "0 credited; the real one was",
    )


# --- Signatures with a time -----------------------------------------------------------------------------------


def timed(body: bytes, secret: str, age: int = 0, claimed: int | None = None) -> str:
    """Signed `age` seconds ago; `claimed` is what the header then says."""
    then = int(time.time()) - age
    proof = hmac.new(secret.encode(), f"{then}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={then if claimed is None else int(time.time()) - claimed},v1={proof}"


@pytest.fixture
def timing(simulator: Simulator, settings: Any) -> str:
    """The card gateway signs with a time; the secret."""
    secret = "whsec_of_the_shop"
    settings.GATEWAYS = {
        **settings.GATEWAYS,
        "PAYMENT_GATEWAY_SIGNATURE_SCHEME": "t_v1",
        "PAYMENT_GATEWAY_SIGNATURE_HEADER": "x-signature",
        "PAYMENT_GATEWAY_SECRET": secret,
    }
    return secret


def test_old_and_early_signatures_are_refused(till: Till, timing: str) -> None:
    body = charge(open_payment(till, "card"))
    refused = {
        "301 s old": timed(body, timing, 301),
        "301 s early": timed(body, timing, -303),  # the clock goes on while the message is under way
        "old, but said to be new": timed(body, timing, 301, claimed=0),
        "new, but said to be old": timed(body, timing, 0, claimed=301),
        "two times": timed(body, timing, 301) + "," + timed(body, timing),
        "no time": timed(body, timing).partition(",")[2],
        "another version": timed(body, timing).replace("v1=", "v0="),
        "another secret": timed(body, "whsec_of_another_shop"),
        "over another body": timed(body + b" ", timing),
    }
    for kind, proof in refused.items():
        answer = bring(f"{HOOKS}card/callback/", body, **{"x-signature": proof})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature"), kind
    assert {item.authentic for item in GatewayCallback.objects.all()} == {False}
    for age in (295, -295, 0):
        headers = {"x-signature": timed(body + b" " * abs(age), timing, age)}
        assert bring(f"{HOOKS}card/callback/", body + b" " * abs(age), **headers).status_code == 200
    assert credited() == 0
    show(
        "S9",
        "signatures 301 s old or early, re-dated, of other bodies",
        f"{len(refused)} kinds",
        "all refused",
    )


def test_a_secret_that_was_replaced_opens_nothing(till: Till, settings: Any) -> None:
    """Both are good while the gateway changes over, the old one no more afterwards."""
    body = charge(open_payment(till, "card"))
    old, new = till.simulator.credentials.card_key, "sk_test_the_new_one"
    statuses = []
    for secrets_now in (f"{new},{old}", new):
        settings.GATEWAYS = {**settings.GATEWAYS, "PAYMENT_GATEWAY_SECRET": secrets_now}
        for secret in (old, new):
            headers = {SIGNATURE: signed(body, secret)}
            statuses.append(bring(f"{HOOKS}card/callback/", body, **headers).status_code)
    assert statuses == [200, 200, 401, 200]
    assert credited() == 0
    show("S9", "the old secret after it was replaced", "2 secrets, before and after", "refused from then on")


# --- Another shop, another environment ------------------------------------------------------------------------


def test_messages_for_another_shop_or_environment_credit_nothing(till: Till) -> None:
    payment, card = open_payment(till), open_payment(till, "card")
    with override_settings(SECRET_KEY="of another shop with the same references"):
        theirs = token(payment)
    assert theirs != token(payment)
    assert bring(f"{HOOKS}daraja/{theirs}/", claim(payment)).status_code == 200
    live = charge(card, domain="live")
    headers = {SIGNATURE: signed(live, till.simulator.credentials.card_key)}
    assert bring(f"{HOOKS}card/callback/", live, **headers).status_code == 200
    till.work()
    assert credited() == 0
    assert set(Payment.objects.values_list("status", flat=True)) == {"processing"}
    show("S10", "messages of another shop and of the live environment", "2 kinds", "0 credited")
