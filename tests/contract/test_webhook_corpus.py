"""B7: every sample of the gateways, bent in every place: all are kept, none is believed, an administrator sees them."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.payments.addresses import token_of
from apps.payments.models import GatewayCallback, Payment
from tests.contract import test_webhooks
from tests.contract.test_webhooks import SAMPLES, STRANGE, UNREADABLE, nothing_was_credited, post
from tests.figures import form, show

pytestmark = [pytest.mark.django_db, pytest.mark.long_form]
credentials, open_payment = test_webhooks.credentials, test_webhooks.open_payment
INSTEAD: list[Any] = [None, {}, [], [[]], "", "x", "1", -1, 0, 10**30, True, {"a": {"b": None}}]
PLACES = {"mpesa": ["mpesa/callback/{}/", "daraja/{}/", "daraja/{}/result/", "daraja/{}/status/"]}
PLACES |= {kind: [f"{kind}/callback/", f"{kind}/callback/{{}}/"] for kind in ("airtel", "card")}
BODIES = form(250, 4_000)


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands, from the outside to the inside."""
    if path:
        yield path
    if isinstance(document, dict | list):
        inside = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in inside:
            yield from leaves(value, (*path, key))


def bent(document: Any, path: tuple[Any, ...], value: Any) -> bytes:
    """The document with another value in one place, or without the place when the value is Ellipsis."""
    copy = deepcopy(document)
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(copy).encode()


def swapped(document: Any, path: tuple[Any, ...]) -> bytes:
    """A list where there was an object, an object where there was a list, either around anything else."""
    place = document
    for key in path:
        place = place[key]
    if isinstance(place, list):
        return bent(document, path, {str(index): item for index, item in enumerate(place)})
    return bent(document, path, [place])


def twice(document: dict[str, Any]) -> bytes:
    """Its first key again at the end."""
    key = next(iter(document))
    return json.dumps(document).encode()[:-1] + f", {json.dumps(key)}: 1}}".encode()


def mutants() -> list[tuple[str, bytes]]:
    """The gateway and the body, all that there are."""
    found = []
    for sample in SAMPLES:
        gateway, document = sample.stem.partition("_")[0], json.loads(sample.read_text())
        for path in leaves(document):
            found += [(gateway, bent(document, path, value)) for value in (*INSTEAD, ...)]
            found.append((gateway, swapped(document, path)))
        if isinstance(document, dict) and document:
            found.append((gateway, twice(document)))
    return [(gateway, body) for gateway, body in found if gateway in PLACES]


def test_bent_samples_are_kept_and_credit_nothing(open_payment: Payment, as_admin: APIClient) -> None:
    every = mutants()
    bodies = random.Random(7).sample(every, min(BODIES, len(every)))
    bodies += [(gateway, body) for body in (*UNREADABLE, *STRANGE) for gateway in PLACES]
    answers: dict[int, int] = {}
    for gateway, body in bodies:
        for place in PLACES[gateway]:
            address = f"/api/payments/webhooks/{place.format(token_of(open_payment.transaction_reference))}"
            status = post(address, body).status_code
            assert status in (200, 400, 401), (address, body)
            answers[status] = answers.get(status, 0) + 1
    sent = sum(answers.values())
    assert sum(repeats + 1 for repeats in GatewayCallback.objects.values_list("repeats", flat=True)) == sent
    assert len(shown(as_admin)) == GatewayCallback.objects.count()
    nothing_was_credited()
    show(
        "B7",
        "samples of the gateways bent in one place (missing, null, other types, swapped, doubled) and the corpus",
        f"{len(bodies):,} of {len(every):,} bodies, {sent:,} messages, each to every address of its gateway",
        f"all kept and shown to administrators, 0 server errors, 0 credits ({answers[200]:,} acknowledged, "
        f"{answers[400]:,} unreadable, {answers[401]:,} unsigned)",
    )


def shown(client: APIClient) -> list[dict[str, Any]]:
    """All rows of the administrators' list, page by page."""
    rows: list[dict[str, Any]] = []
    address = "/api/payments/callbacks/?page_size=200"
    while address:
        page = client.get(address)
        assert page.status_code == 200, page.content
        rows, address = rows + page.json()["results"], page.json()["next"]
    return rows


def test_the_control_the_sound_message_is_believed(open_payment: Payment) -> None:
    """Otherwise nothing above could have been credited by mistake."""
    (sample,) = [path for path in SAMPLES if path.stem == "mpesa_stk_callback_success"]
    message = json.loads(sample.read_text())
    call = message["Body"]["stkCallback"]
    call["CheckoutRequestID"] = open_payment.gateway_id
    call["CallbackMetadata"]["Item"][0]["Value"] = 116.0
    token = token_of(open_payment.transaction_reference)
    assert post(f"/api/payments/webhooks/daraja/{token}/", json.dumps(message).encode()).status_code == 200
    open_payment.refresh_from_db()
    assert (open_payment.status, open_payment.external_reference) == ("success", "LHG31AA5TX")
