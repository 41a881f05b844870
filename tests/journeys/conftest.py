"""Gateways for the stories: a simulator in this process, and a server that it can reach."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.payments.gateways import SharedBudget
from payments.simulator import Simulator, running
from tests.journeys.till import Till, a_till
from tests.ledger import closing_time
from tests.roles import APP, acting_as, made_roles

__all__ = ["closing_time", "own_role", "roles", "simulator", "till"]


@pytest.fixture(scope="session")
def roles(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), made_roles():
        yield


@pytest.fixture
def own_role(transactional_db: None, roles: None) -> Iterator[None]:
    """The shop works with the rights that it has in production; so does what a story writes by itself."""
    with acting_as(APP):
        yield


@pytest.fixture
def simulator(
    transactional_db: None, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator]:
    """All three gateways, forty times as fast as life, calling back to a server of the same shop."""
    webhooks = f"{live_server.url}/api/payments/webhooks"
    credentials = {
        "AIRTEL_CALLBACK_URL": f"{webhooks}/airtel/callback/",
        "PAYMENT_GATEWAY_WEBHOOK_URL": f"{webhooks}/card/callback/",
    }
    with running(credentials) as simulator:
        settings.GATEWAYS = {
            **settings.GATEWAYS,
            **simulator.settings,
            "AIRTEL_CALLBACK_URL": "",
        }
        # Life goes forty times as fast here; that the budget is kept has its own test.
        monkeypatch.setattr(SharedBudget, "take", lambda *_: 0.0)
        settings.PUBLIC_BASE_URL = live_server.url
        yield simulator


@pytest.fixture
def till(simulator: Simulator) -> Till:
    return a_till(simulator)
