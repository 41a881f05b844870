"""The payment side of a shop on one computer: the worker, and simulated gateways where no real ones are set up."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from decouple import config

from pos_backend.local.account import LauncherError
from pos_backend.local.children import Program
from pos_backend.local.options import Options
from pos_backend.local.port import first_free_port, require_free_port
from pos_backend.local.web import health

# With any of these set, the shop takes real money, and nothing beside it may be simulated.
CREDENTIALS = ("MPESA_CONSUMER_KEY", "AIRTEL_CLIENT_ID", "PAYMENT_GATEWAY_API_KEY", "PAYMENT_GATEWAY_SECRET")
ANSWER_SECONDS = 30.0
PAUSE = 0.1


def worker() -> Program:
    """Where it dies, nothing is lost: whoever comes next goes on."""
    command = (sys.executable, "manage.py", "payments_worker")
    return Program("The payments worker", command, restart=True)


def simulator_is_wanted() -> bool:
    """No gateway is set up, this is no production, and nobody has said `SIMULATOR=0`."""
    switched_on = str(config("SIMULATOR", default="1")) not in ("", "0", "false", "no")
    development = str(config("POS_ENV", default="development")) == "development"
    return switched_on and development and not any(str(config(name, default="")) for name in CREDENTIALS)


def simulator_port(options: Options) -> int:
    """The port asked for, which must be free; unless one was asked for, the first free one from 8001 on."""
    if str(config("SIMULATOR_PORT", default="")):
        if options.simulator_port == options.port:
            raise LauncherError("PORT and SIMULATOR_PORT are the same: give each its own.")
        require_free_port(options.host, options.simulator_port, "SIMULATOR_PORT")
        return options.simulator_port
    return first_free_port(options.host, options.simulator_port, avoid=options.port)


def simulator(options: Options, port: int) -> Program:
    folder = _folder(options)
    command = [sys.executable, "-m", "payments.simulator", "--host", options.host, "--port", str(port)]
    return Program(
        "The payment simulator",
        (*command, "--folder", str(folder)),
        patience=5.0,
        output=folder / "log",
    )


def simulator_settings(options: Options, port: int) -> Mapping[str, str]:
    """What the shop and the simulator must both know."""
    base, shop = f"http://{options.reached_at}:{port}", f"http://{options.reached_at}:{options.port}"
    webhooks = f"{shop}/api/payments/webhooks"
    return {
        "MPESA_ENVIRONMENT": "sandbox",
        "AIRTEL_ENVIRONMENT": "sandbox",
        "PAYMENT_GATEWAY_MODE": "test",
        "MPESA_BASE_URL": base,
        "MPESA_CONSUMER_KEY": "simulator-consumer-key",
        "MPESA_CONSUMER_SECRET": "simulator-consumer-secret",
        "MPESA_SHORTCODE": "174379",
        "MPESA_PASSKEY": "simulator-passkey",
        "MPESA_INITIATOR_NAME": "testapi",
        "MPESA_INITIATOR_PASSWORD": "simulator-initiator",
        "MPESA_B2C_SHORTCODE": "600999",
        "MPESA_CERTIFICATE": str(_folder(options) / "mpesa_certificate.pem"),
        "AIRTEL_BASE_URL": base,
        "AIRTEL_CLIENT_ID": "simulator-client-id",
        "AIRTEL_CLIENT_SECRET": "simulator-client-secret",
        "AIRTEL_CALLBACK_KEY": "simulator-callback-key",
        "AIRTEL_CALLBACK_URL": f"{webhooks}/airtel/callback/",
        "PAYMENT_GATEWAY_BASE_URL": base,
        "PAYMENT_GATEWAY_API_KEY": "sk_test_simulator_key",
        "PAYMENT_GATEWAY_WEBHOOK_URL": f"{webhooks}/card/callback/",
    }


def wait_for_simulator(options: Options, port: int, check: Callable[[], None]) -> None:
    """Its certificate is written before it answers."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while health(options.reached_at, port) != 200:
        check()
        if time.monotonic() > deadline:
            raise LauncherError(f"The payment simulator did not answer. See {_folder(options) / 'log'}.")
        time.sleep(PAUSE)


def _folder(options: Options) -> Path:
    return options.data_dir / "simulator"
