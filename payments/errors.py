"""What can go wrong with a gateway, told apart by what may be done next.

A decline is no error: it is a `Result`. The message of an error is a sentence for a person, without secrets.
"""


class GatewayError(Exception):
    """Base of all gateway failures."""


class NotSent(GatewayError):
    """The request surely did not reach the gateway, or it surely refused to look at it: trying again is safe."""


class RateLimited(NotSent):
    """The gateway wants fewer requests; nothing was done. Try again after `retry_after` seconds."""

    def __init__(self, sentence: str, retry_after: float = 60.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class OutcomeUnknown(GatewayError):
    """The request may have been carried out. Never send it again; ask for its outcome."""


class Misconfigured(GatewayError):
    """The gateway refuses our credentials, addresses or product; a person must mend the settings.

    Nothing was carried out.
    """


class NotConfigured(Misconfigured):
    """There are no credentials for this method; nothing was sent."""


class BadCallback(GatewayError):
    """A message to our webhook that cannot be read."""
