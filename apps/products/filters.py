"""How products are found and sorted."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.core.filters import IdFilter
from apps.core.pagination import matches_unknown
from apps.products import selectors
from apps.products.models import Product

ORDERINGS = {
    "name": "name",
    "price": "price",
    "stock_level__quantity": "stock",
    "created_at": "created_at",
}


class StableOrdering(django_filters.OrderingFilter):
    """Equal prices keep one order from page to page."""

    def filter(self, qs: QuerySet[Any, Any], value: list[str] | None) -> QuerySet[Any, Any]:
        names = [name for name in value or [] if name] or ["name"]
        return super().filter(qs, names).order_by(*map(self.get_ordering_value, names), "id")


class ProductFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(method="by_text", max_length=200)
    category = IdFilter()
    is_active = django_filters.BooleanFilter()
    low_stock = django_filters.BooleanFilter(method="by_low_stock")
    ordering = StableOrdering(fields=ORDERINGS)

    class Meta:
        model = Product
        fields = ()

    def by_text(self, products: QuerySet[Any, Any], name: str, text: str) -> QuerySet[Any, Any]:
        return matches_unknown(selectors.search(products, text))

    def by_low_stock(self, products: QuerySet[Any, Any], name: str, wanted: bool) -> QuerySet[Any, Any]:
        if wanted:
            return matches_unknown(selectors.low_stock(products))
        return products.exclude(pk__in=selectors.low_stock(Product.objects.all()).values("pk"))
