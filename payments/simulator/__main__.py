"""`python -m payments.simulator`: the simulator as a process."""

import argparse
import errno
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from payments.simulator.credentials import Credentials
from payments.simulator.operations import table_text
from payments.simulator.pace import Pace
from payments.simulator.simulator import NotInProduction, Simulator


def main() -> int:
    options = _options()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: sys.exit(0))
    try:
        credentials = Credentials.of(os.environ)
        simulator = Simulator(credentials, options.folder, (options.host, options.port), Pace(options.speed))
    except NotInProduction as refusal:
        return _refuse(str(refusal))
    except OSError as error:
        return _refuse(_sentence(error, options.host, options.port))
    _say(simulator)

    def end(signum: int, frame: FrameType | None) -> None:
        # `stop` waits for the serving loop, which this very thread runs.
        threading.Thread(target=simulator.stop, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    simulator.serve()
    simulator.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m payments.simulator",
        description="Simulates M-Pesa, Airtel Money and a card gateway on one port. Open its address in a browser to "
        "see the phones. Credentials come from the environment variables of the shop.",
    )
    parser.add_argument("--port", type=int, default=8001, help="default 8001")
    parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1, this computer only")
    parser.add_argument(
        "--folder", type=Path, default=Path(".pos/simulator"), help="for mpesa_certificate.pem"
    )
    parser.add_argument("--speed", type=_speed, default=1.0, help="40 makes everything forty times as fast")
    return parser.parse_args()


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 10_000:
        raise argparse.ArgumentTypeError("between 0 and 10000")
    return speed


def _say(simulator: Simulator) -> None:
    credentials = simulator.credentials
    sys.stdout.write(f"Payment simulator at {simulator.base_url}/ (certificate: {simulator.certificate})\n")
    for name, url in (
        ("AIRTEL_CALLBACK_URL", credentials.airtel_callback_url),
        ("PAYMENT_GATEWAY_WEBHOOK_URL", credentials.card_webhook_url),
    ):
        if not url:
            sys.stdout.write(f"{name} is not set: those callbacks are kept, not sent.\n")
    sys.stdout.write(table_text())
    sys.stdout.flush()


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken; choose another one with --port."
    return f"The simulator cannot start on {host} port {port}: {error.strerror or error}."


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
