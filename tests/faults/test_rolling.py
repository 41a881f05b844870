"""A new version is put into service under load, and no request fails (F12).

`USR2` to gunicorn's master starts a second one on the same socket; when its workers serve, `TERM` ends the first, which
finishes what it began. (`HUP` sends the old workers away before the new ones have loaded the application: nobody is
served meanwhile.) In front stands nginx with the file that docs/ has.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.harness import Figures, Shop, Tills, a_database, a_shop, compared, selling, watched
from tests.faults.harness.tills import NO_ANSWER
from tests.figures import form, show
from tests.security.serving import Server, fronted

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx here (Debian: nginx-light)")
SALES = 20
THINK = 2.0
PATIENCE = 90.0
PAYMENTS = "/api/payments/payments/"
NOTES = "waits for the customer"
NOBODY_CONFIRMS = "0712345678"
# The longest that anybody may wait, once; then as long as a restart takes.
WAITS = form([8], [25, *[10] * 19])


@pytest.mark.long_form
def test_a_rolling_restart_fails_no_request(tmp_path: Path) -> None:
    """The tills keep their connections; one of them waits for a customer all the time (`?wait=25`)."""
    with a_database() as database, a_shop(database) as shop, behind_nginx(shop, tmp_path) as front:
        payment = _payment_under_way(front)
        with watched(database), selling(front, think=THINK) as tills:
            for seconds in WAITS:
                tills.sell(SALES)
                waiting = Waiting(front, payment, seconds)
                shop.renew()
                tills.sell(SALES)
                assert waiting.answered() == 200, shop.log
        figures = compared(tills, database, besides=[NOTES])
        _assert_none_failed(figures, tills)
    slowest = max(request.slowest for request in tills.requests)
    show(
        "F12",
        "rolling restart (USR2, then TERM) behind nginx under 32 tills, and one that waits for an outcome",
        f"{len(WAITS):,} restarts, {sum(figures.statuses.values()):,} requests",
        f"0 failed, {figures.statuses[503]:,} asked to come again (503 `busy`); {figures.told()}; "
        f"slowest answer {slowest:.1f} s",
    )


def _assert_none_failed(figures: Figures, tills: Tills) -> None:
    """What nginx answers itself (502, 504) is no answer of the shop's: it counts as none."""
    figures.assert_nothing_lost()
    assert not figures.statuses[NO_ANSWER], tills.troubles
    assert all(status < 500 for status, code in tills.answers() if code != "busy"), tills.answers()


def test_control_a_restart_that_is_not_rolling_is_seen_to_fail_requests(tmp_path: Path) -> None:
    with a_database() as database, a_shop(database) as shop, behind_nginx(shop, tmp_path) as front:
        with selling(front) as tills:
            tills.sell(SALES)
            shop.shut()
            shop.open()
            tills.sell(SALES)
        figures = compared(tills, database)
        figures.assert_nothing_lost()
    assert figures.statuses[NO_ANSWER]
    show(
        "F12",
        "control: gunicorn behind nginx stopped and started instead",
        f"1 restart, {sum(figures.statuses.values()):,} requests",
        f"{figures.statuses[NO_ANSWER]:,} seen to fail; {figures.told()}",
    )


@contextmanager
def behind_nginx(shop: Shop, folder: Path) -> Iterator[Shop]:
    """The shop as its customers reach it; `shop` itself is the one to restart."""
    assert shop.web
    with fronted(Server(shop.port, shop.web, shop.folder / "web.log"), folder) as front:
        yield replace(shop, port=front.port)


class Waiting(threading.Thread):
    """A request for the outcome of a payment that has none; it began when this is made."""

    def __init__(self, shop: Shop, payment: int, seconds: int) -> None:
        super().__init__(daemon=True)
        self.url = f"{shop.address}{PAYMENTS}{payment}/?wait={seconds}"
        self.headers = _headers(shop)
        self.status: int | str = "none"
        self.start()
        self.join(0.5)

    def run(self) -> None:
        try:
            self.status = requests.get(self.url, headers=self.headers, timeout=PATIENCE).status_code
        except requests.RequestException as error:
            self.status = str(error)

    def answered(self) -> int | str:
        self.join(PATIENCE)
        return self.status


def _payment_under_way(shop: Shop) -> int:
    """The id of a payment by M-Pesa whose customer looks at the prompt and does nothing."""
    product = shop.filled["products"][0]["id"]
    sale = _post(shop, "/api/sales/sales/", {"items": [{"product": product, "quantity": 1}], "notes": NOTES})
    body = {"sale": sale["id"], "method": "mpesa", "amount": sale["total"], "phone_number": NOBODY_CONFIRMS}
    return int(_post(shop, f"{PAYMENTS}initiate/", body)["id"])


def _post(shop: Shop, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(shop.address + path, json=body, headers=_headers(shop), timeout=PATIENCE)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _headers(shop: Shop) -> dict[str, str]:
    return {"Authorization": f"Token {shop.filled['cashiers'][0]}"}
