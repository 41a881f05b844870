"""M-Pesa through Safaricom's Daraja."""

from collections.abc import Mapping

from payments.mpesa.gateway import MpesaGateway
from payments.mpesa.settings import read_settings
from payments.runtime import Runtime

__all__ = ["MpesaGateway", "from_settings"]


def from_settings(settings: Mapping[str, str], runtime: Runtime) -> MpesaGateway | None:
    """The gateway for `settings` (names of `.env.example`); None where no key and no secret are set.

    Raises `Misconfigured` naming the settings that are missing or contradict each other.
    """
    found = read_settings(settings)
    return MpesaGateway(found, runtime) if found else None
