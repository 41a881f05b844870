"""Why the payments room refuses."""

from apps.core.errors import DomainError, NotFound


class PaymentNotFound(NotFound):
    code = "payment_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such payment, or it is not yours to see.")


class RefundNotFound(NotFound):
    code = "refund_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such refund, or it is not yours to see.")


class GatewayNotConfigured(DomainError):
    status = 503
    code = "gateway_not_configured"


class GatewayUnreachable(DomainError):
    """The request was surely not sent; the attempt is recorded as failed."""

    status = 503
    code = "gateway_unreachable"


class GatewayMisconfigured(DomainError):
    """The gateway refuses the shop's own settings; the attempt is recorded as failed."""

    status = 503
    code = "gateway_misconfigured"


class PaymentNotOpen(DomainError):
    code = "payment_not_open"


class NotConfirmable(DomainError):
    code = "payment_not_confirmable"


class ReferenceUsed(DomainError):
    code = "reference_already_used"


class NotRefundable(DomainError):
    code = "payment_not_refundable"


class RefundTooLarge(DomainError):
    code = "refund_exceeds_payment"


class RefundNotPending(DomainError):
    code = "refund_not_pending"


class RefundInProgress(DomainError):
    code = "refund_in_progress"


class OwnRefund(DomainError):
    status = 403
    code = "own_refund"


class RefundNotStuck(DomainError):
    code = "refund_not_settleable"


class UnreadableMessage(DomainError):
    status = 400
    code = "malformed_json"


class BadSignature(DomainError):
    status = 401
    code = "invalid_signature"
