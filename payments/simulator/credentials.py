"""The secrets that the simulated gateways expect, under the names that the shop uses for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


def _setting(name: str, default: str) -> str:
    setting: str = field(default=default, metadata={"name": name})
    return setting


@dataclass
class Credentials:
    """Each field is read from the environment variable it names; what is not there is good for trying out."""

    mpesa_key: str = _setting("MPESA_CONSUMER_KEY", "simulator-consumer-key")
    mpesa_secret: str = _setting("MPESA_CONSUMER_SECRET", "simulator-consumer-secret")
    mpesa_shortcode: str = _setting("MPESA_SHORTCODE", "174379")
    mpesa_passkey: str = _setting("MPESA_PASSKEY", SANDBOX_PASSKEY)
    mpesa_type: str = _setting("MPESA_TRANSACTION_TYPE", "CustomerPayBillOnline")
    mpesa_till: str = _setting("MPESA_TILL_NUMBER", "")
    mpesa_initiator: str = _setting("MPESA_INITIATOR_NAME", "testapi")
    mpesa_initiator_password: str = _setting("MPESA_INITIATOR_PASSWORD", "Safaricom999!*!")
    mpesa_b2c_shortcode: str = _setting("MPESA_B2C_SHORTCODE", "600999")
    airtel_id: str = _setting("AIRTEL_CLIENT_ID", "simulator-client-id")
    airtel_secret: str = _setting("AIRTEL_CLIENT_SECRET", "simulator-client-secret")
    airtel_callback_key: str = _setting("AIRTEL_CALLBACK_KEY", "simulator-callback-key")
    airtel_callback_url: str = _setting("AIRTEL_CALLBACK_URL", "")
    card_key: str = _setting("PAYMENT_GATEWAY_API_KEY", "sk_test_simulator_key")
    card_webhook_url: str = _setting("PAYMENT_GATEWAY_WEBHOOK_URL", "")

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Credentials":
        """From `environment`; empty values count as not given."""
        given = {f.name: environment.get(f.metadata["name"], "").strip() for f in fields(cls)}
        return cls(**{name: value for name, value in given.items() if value})

    def as_settings(self) -> dict[str, str]:
        return {f.metadata["name"]: getattr(self, f.name) for f in fields(self)}

    @property
    def buys_goods(self) -> bool:
        return self.mpesa_type == "CustomerBuyGoodsOnline"

    @property
    def own_parties(self) -> set[str]:
        """The numbers under which the shop is known to M-Pesa."""
        return {number for number in (self.mpesa_shortcode, self.mpesa_till) if number}
