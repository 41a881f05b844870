"""Why the catalogue refuses."""

from apps.core.errors import DomainError, NotFound


class ProductNotFound(NotFound):
    code = "product_not_found"


class CategoryInUse(DomainError):
    code = "category_in_use"
