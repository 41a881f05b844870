"""What can go wrong with a gateway, told apart by what may be done next."""


class GatewayError(Exception):
    """Base of all gateway failures; the message is a sentence for a person, without secrets."""


class NotConfigured(GatewayError):
    """There are no credentials for this method; nothing was sent."""
