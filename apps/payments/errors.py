"""Why the payments room refuses."""

from apps.core.errors import DomainError, NotFound


class PaymentNotFound(NotFound):
    code = "payment_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such payment, or it is not yours to see.")


class GatewayNotConfigured(DomainError):
    status = 503
    code = "gateway_not_configured"


class PaymentNotOpen(DomainError):
    code = "payment_not_open"


class NotConfirmable(DomainError):
    code = "payment_not_confirmable"


class ReferenceUsed(DomainError):
    code = "reference_already_used"
