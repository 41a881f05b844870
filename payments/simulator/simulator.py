"""The simulator as an object: started and stopped, and everything that the control endpoint can do, as methods."""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from payments.simulator import keys, operations
from payments.simulator.credentials import Credentials
from payments.simulator.delivery import Delivery
from payments.simulator.pace import Pace
from payments.simulator.server import Server
from payments.simulator.world import World

CERTIFICATE = "mpesa_certificate.pem"


class NotInProduction(RuntimeError):
    """The simulator was started where real money is."""


class Simulator:
    """A running simulator. Methods raise `operations.Impossible` with a sentence."""

    def __init__(self, credentials: Credentials, folder: Path, address: tuple[str, int], pace: Pace) -> None:
        if os.environ.get("POS_ENV", "").strip().lower() == "production":
            raise NotInProduction("The payment simulator does not start where POS_ENV is production.")
        self.world = World(credentials, pace, folder)
        self._server = Server(address, self.world)
        # Who listens on every address is reached on this computer's own.
        shown = "127.0.0.1" if address[0] == "0.0.0.0" else address[0]  # noqa: S104
        self.base_url = self.world.base_url = f"http://{shown}:{self._server.server_address[1]}"
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate.write_bytes(keys.certificate())
        keys.private_key("airtel")  # now, not in the middle of a request

    @property
    def certificate(self) -> Path:
        return self.world.folder / CERTIFICATE

    @property
    def credentials(self) -> Credentials:
        """May be changed while it runs, for example `credentials.card_webhook_url`."""
        return self.world.credentials

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a shop that talks to this simulator."""
        return {
            **self.credentials.as_settings(),
            "MPESA_ENVIRONMENT": "sandbox",
            "MPESA_BASE_URL": self.base_url,
            "MPESA_CERTIFICATE": str(self.certificate),
            "AIRTEL_ENVIRONMENT": "sandbox",
            "AIRTEL_BASE_URL": self.base_url,
            "AIRTEL_COUNTRY": "KE",
            "AIRTEL_CURRENCY": "KES",
            "PAYMENT_GATEWAY_BASE_URL": self.base_url,
        }

    def serve(self) -> None:
        """Serve until `stop`."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._server.shutdown()

    def close(self) -> None:
        self.world.later.drop()
        self._server.server_close()

    def prompts(self) -> list[dict[str, Any]]:
        return [operations.prompt_document(p) for p in self.world.open_prompts()]

    def wait_for_prompt(self, phone: str, seconds: float = 5.0) -> dict[str, Any]:
        """The first open prompt of `phone`, as soon as there is one."""
        wanted = operations.national(phone)
        found = self.wait_for(lambda: [p for p in self.prompts() if p["phone"].endswith(wanted)], seconds)
        prompt: dict[str, Any] = found[0]
        return prompt

    def enter_pin(self, phone: str, pin: str = "1234", id: str | None = None) -> dict[str, Any]:
        return operations.prompt_document(operations.enter_pin(self.world, phone, pin, id))

    def decline(self, phone: str, id: str | None = None) -> dict[str, Any]:
        return operations.prompt_document(operations.answer_prompt(self.world, phone, "decline", id))

    def ignore(self, phone: str, id: str | None = None) -> dict[str, Any]:
        return operations.prompt_document(operations.answer_prompt(self.world, phone, "ignore", id))

    def set_mode(self, gateway: str, mode: str, phone: str | None = None, times: int | None = None) -> None:
        operations.set_mode(self.world, gateway, mode, phone, times)

    def switch_callbacks(self, enabled: bool) -> None:
        self.world.deliveries.enabled = enabled

    def set_line(
        self, lost: float = 0.0, doubled: float = 0.0, delay: float = 0.0, seed: int | None = None
    ) -> None:
        """Callbacks are lost and doubled by these chances and late by up to `delay` seconds of the pace."""
        operations.set_line(self.world, lost, doubled, delay, seed)

    def pay_card(self, reference: str, brand: str = "visa", mode: str | None = None) -> dict[str, Any]:
        return self._card(reference, "pay", brand, mode)

    def decline_card(self, reference: str) -> dict[str, Any]:
        return self._card(reference, "decline")

    def abandon_card(self, reference: str) -> dict[str, Any]:
        return self._card(reference, "abandon")

    def pay_directly(self, phone: str, amount: int, account: str = "", shortcode: str = "") -> str:
        """A customer pays the paybill from the M-Pesa menu: the receipt, or nothing when the shop refused."""
        return operations.pay_to_shortcode(self.world, phone, amount, account, shortcode)

    def requests(self) -> list[dict[str, Any]]:
        return list(self.world.requests)

    def deliveries(self) -> list[dict[str, Any]]:
        return [d.as_document() for d in self.world.deliveries.all()]

    def raw_deliveries(self) -> list[Delivery]:
        """With nothing blanked: the exact bytes, addresses and answers."""
        return self.world.deliveries.all()

    def send_again(self, number: int) -> dict[str, Any]:
        return operations.send_again(self.world, number)

    def expire_tokens(self, gateway: str | None = None) -> None:
        operations.expire_tokens(self.world, gateway)

    def limit_queries(self, count: int, seconds: int = 60) -> None:
        operations.limit_queries(self.world, count, seconds)

    def reset(self) -> None:
        self.world.reset()

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until nothing is due or under way any more; open prompts are left alone."""
        self.wait_for(self._settled, seconds)

    def wait_for(self, look: Callable[[], Any], seconds: float = 5.0) -> Any:
        """What `look` gives as soon as that is true. Raises `TimeoutError`."""
        end = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > end:
                raise TimeoutError(f"The simulator waited {seconds} s in vain.")
            time.sleep(0.005)
        return found

    def _settled(self) -> bool:
        return self.world.later.idle and self.world.deliveries.idle

    def _card(self, reference: str, act: str, brand: str = "visa", mode: str | None = None) -> dict[str, Any]:
        payment = operations.finish_card(self.world, reference, act, brand, mode)
        return operations.card_document(self.world, payment)


@contextlib.contextmanager
def running(
    credentials: Mapping[str, str] | None = None,
    speed: float = 40.0,
    patience: float = 60.0,
    folder: Path | None = None,
    port: int = 0,
) -> Iterator[Simulator]:
    """A simulator on a free port of this computer, for tests.

    `credentials` as in the environment; `patience` is the seconds until an untouched prompt ends, at any speed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        given = Credentials.of(credentials or {})
        address = ("127.0.0.1", port)
        simulator = Simulator(given, folder or Path(temporary), address, Pace(speed, patience))
        thread = threading.Thread(target=simulator.serve, name="payment simulator", daemon=True)
        thread.start()
        try:
            yield simulator
        finally:
            simulator.stop()
            thread.join()
            simulator.close()
