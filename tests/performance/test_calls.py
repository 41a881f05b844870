"""The hot path does not grow: hardly more calls of functions than were written down.

Nothing is timed, so a busy machine changes nothing. The figures are those of Python 3.11; later ones call less.
"""

import json
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from apps.users import authentication
from apps.users.models import AuthToken, User
from benchmarks.callbacks import begin
from conftest import stock_product
from tests.performance.calls import Server, calls_of
from tests.performance.hot import MPESA

FIGURES = Path(__file__).with_name("figures.json")
TOLERANCE = 1.05
WARM, COUNTED = 2, 3
ADVICE = """
"{name}" takes {calls} calls of functions; {figure} are written down, and {bound} are borne.
Look for what costs so much; the functions below are called most. If it is wanted, write {calls} into {file}.
{most}"""
Ask = Callable[[], object]
HOT = ("scan", "cart of 1", "cart of 5", "cart of 20")
# Nobody signs in for these.
HEARD = ("message that settles a payment", "message about nothing of ours")
MESSAGES = 8


@pytest.fixture
def till(transactional_db: None, cashier: User, settings: Any) -> dict[str, Ask]:
    """What a till asks all day, of a server as production has it."""
    settings.WHITENOISE_AUTOREFRESH = False
    settings.GATEWAYS, settings.PUBLIC_BASE_URL = MPESA, "https://shop.example"
    _, token = AuthToken.objects.create(cashier, stamp=cashier.credential_stamp())
    server, keys = Server(token), count(1)
    with transaction.atomic():
        goods = [stock_product(f"Goods {n}", stock=1000, barcode=f"61611004900{n:02}") for n in range(20)]

    def sell(lines: int) -> bytes:
        items = [{"product": product.pk, "quantity": 1} for product in goods[:lines]]
        body = {"items": items, "amount_paid": "100000.00"}
        return server.post("/api/sales/sales/", body, idempotency_key=f"{next(keys):04}")

    settling = [begin(number, goods[0].pk, cashier) for number in range(MESSAGES)]
    unknown = {
        "MerchantRequestID": "1",
        "CheckoutRequestID": "ws_CO_1",
        "ResultCode": 1032,
        "ResultDesc": "No",
    }

    def hear_of_nothing() -> bytes:
        said = {"Body": {"stkCallback": {**unknown, "MerchantRequestID": str(next(keys))}}}
        return server.post("/api/payments/webhooks/mpesa/callback/", said, expected="200 OK")

    def hear_of_payment() -> bytes:
        message = settling.pop()
        return server.post(message.path, json.loads(message.body), expected="200 OK")

    return {
        "message that settles a payment": hear_of_payment,
        "message about nothing of ours": hear_of_nothing,
        "scan": lambda: server.get(f"/api/products/barcode/{goods[0].barcode}/"),
        "cart of 1": lambda: sell(1),
        "cart of 5": lambda: sell(5),
        "cart of 20": lambda: sell(20),
    }


def counted(ask: Ask) -> Counter[str]:
    """By function, of one request; what is done once in a process, or once an hour, is left out."""
    for _ in range(WARM):
        ask()
    return min((calls_of(ask) for _ in range(COUNTED)), key=Counter.total)


def check(name: str, found: Counter[str]) -> None:
    figure, calls = json.loads(FIGURES.read_text())[name], found.total()
    most = "\n".join(f"{times:6} {function}" for function, times in found.most_common(25))
    said = {"name": name, "calls": calls, "figure": figure, "bound": int(figure * TOLERANCE), "most": most}
    assert calls <= said["bound"], ADVICE.format(file=FIGURES.name, **said)


@pytest.mark.parametrize("name", HOT + HEARD)
def test_the_hot_path_does_not_grow(till: dict[str, Ask], name: str) -> None:
    check(name, counted(till[name]))


@pytest.mark.parametrize("name", HOT)
def test_one_query_more_is_seen(
    till: dict[str, Ask], name: str, cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: somebody looks up once more who it is."""
    plain = authentication.token_by_digest

    def careless(*given: Any) -> AuthToken | None:
        User.objects.filter(pk=cashier.pk).exists()
        return plain(*given)

    monkeypatch.setattr(authentication, "token_by_digest", careless)
    with pytest.raises(AssertionError, match="Look for what costs so much"):
        check(name, counted(till[name]))
