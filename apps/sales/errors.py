"""Why the sales room refuses."""

from apps.core.errors import DomainError, NotFound


class SaleNotFound(NotFound):
    code = "sale_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such sale, or it is not yours to see.")


class DiscountNotAllowed(DomainError):
    status = 403
    code = "discount_not_allowed"


class SaleAlreadyCancelled(DomainError):
    code = "sale_already_cancelled"


class SaleCancelled(DomainError):
    code = "sale_cancelled"


class SaleCompleted(DomainError):
    code = "sale_completed"


class SaleAlreadyCompleted(DomainError):
    code = "sale_already_completed"


class SaleHasPayments(DomainError):
    code = "sale_has_payments"


class PaymentInProgress(DomainError):
    code = "payment_in_progress"


class SaleNotPaid(DomainError):
    code = "sale_not_paid"
