"""The described API, tried in this process: every request goes in by the server's door and is undone."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import override_settings
from rest_framework.test import APIClient

from apps.users.models import AuthToken
from payments.simulator import running
from pos_backend.wsgi import application
from tests.contract.conftest import shop
from tests.contract.world import Shop, snapshot
from tests.fuzz.document import generous

__all__ = ["shop"]
GATEWAYS = ("MPESA_BASE_URL", "AIRTEL_BASE_URL", "PAYMENT_GATEWAY_BASE_URL")
NOWHERE = "http://127.0.0.1:1"


def door(environ: dict[str, Any], start_response: Any) -> Any:
    """What gunicorn calls, without its first and last act: to close the connection whose transaction is undone."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    return application(environ, start_response)


@pytest.fixture(scope="module")
def gateways() -> Iterator[None]:
    """They are set up and cannot be reached."""
    with running() as simulator:
        there = {**simulator.settings, **dict.fromkeys(GATEWAYS, NOWHERE)}
    reached = override_settings(GATEWAYS={**settings.GATEWAYS, **there}, PUBLIC_BASE_URL="http://127.0.0.1:9")
    # `?wait=30` would be believed.
    with reached, patch("apps.payments.views.payments.MAX_WAIT", 0):
        yield


@pytest.fixture(scope="module")
def tokens(shop: Shop, gateways: None) -> dict[str, dict[str, str]]:
    """The header of each role; these are looked up as anybody's."""
    made = {
        role: AuthToken.objects.create(user, stamp=user.credential_stamp())[1]
        for role, user in shop.people.items()
    }
    shop.before = snapshot()
    return {"nobody": {}, **{role: {"Authorization": f"Token {token}"} for role, token in made.items()}}


@pytest.fixture(scope="module")
def api(shop: Shop) -> Any:
    """The served document for the fuzzer, which sends to the door what it makes of it."""
    schema = schemathesis.openapi.from_dict(generous(APIClient().get("/swagger.json").json()))
    schema.app = door
    return schema
