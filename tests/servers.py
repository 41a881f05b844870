"""What all servers need that tests start: a port, the tests' database, the simulated gateways."""

import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

from django.db import connection

from payments.simulator import Simulator
from pos_backend.local.postgres import PROJECT


def free_port() -> int:
    """Nobody listens there now; somebody else may be first to take it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def database_url(person: str = "") -> str:
    """The tests' own database for another process, as the same role or as `person` (`name:password`)."""
    here = urlsplit(os.environ["DATABASE_URL"])
    if person:
        here = here._replace(netloc=f"{person}@{here.netloc.rpartition('@')[2]}")
    return here._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def beside(simulator: Simulator, address: str) -> dict[str, str]:
    """The settings of a shop at `address` whose gateways are `simulator`, which is told where the shop is."""
    webhooks = f"{address}/api/payments/webhooks"
    simulator.credentials.airtel_callback_url = f"{webhooks}/airtel/callback/"
    simulator.credentials.card_webhook_url = f"{webhooks}/card/callback/"
    return {
        **simulator.settings,
        "AIRTEL_CALLBACK_URL": "",
        # Life is faster there.
        "MPESA_QUERIES_PER_MINUTE": "100000",
        "POS_ENV": "development",
        "PUBLIC_BASE_URL": address,
    }


def python(*arguments: str, **env: str | None) -> subprocess.CompletedProcess[str]:
    """A program of the project with these settings besides those of the tests, run to its end; None takes one away."""
    command, given = [sys.executable, *arguments], {**os.environ, **env}
    here = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(command, cwd=PROJECT, env=here, capture_output=True, text=True, check=False)
