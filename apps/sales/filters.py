"""How sales are found."""

import django_filters
from django.db.models import QuerySet

from apps.core.filters import FromFilter, IdFilter, UntilFilter
from apps.sales import selectors
from apps.sales.models import Sale
from apps.sales.states import PaymentStatus, Status


class SaleFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=Status.choices)
    payment_status = django_filters.ChoiceFilter(choices=PaymentStatus.choices)
    cashier = IdFilter()
    start_date = FromFilter(field_name="created_at")
    end_date = UntilFilter(field_name="created_at")
    search = django_filters.CharFilter(method="by_text", max_length=150)

    class Meta:
        model = Sale
        fields = ()

    def by_text(self, sales: QuerySet[Sale], name: str, text: str) -> QuerySet[Sale]:
        return selectors.search(sales, text)
