"""The shop that the security tests share, and people at its doors."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from payments.simulator import running
from tests.contract.conftest import shop
from tests.contract.world import Shop
from tests.security.doors import Doors

__all__ = ["shop"]
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def doors(shop: Shop) -> Iterator[Doors]:
    """With gateways that are set up and cannot be reached."""
    with running() as simulator:
        bases = ("MPESA_BASE_URL", "AIRTEL_BASE_URL", "PAYMENT_GATEWAY_BASE_URL")
        gateways = {**settings.GATEWAYS, **simulator.settings, **dict.fromkeys(bases, NOWHERE)}
    with override_settings(GATEWAYS=gateways):
        yield Doors(shop)
