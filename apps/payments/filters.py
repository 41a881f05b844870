"""How payments are found."""

import django_filters

from apps.core.filters import FromFilter, IdFilter, UntilFilter
from apps.payments.models import Payment
from apps.payments.states import Method, Status


class PaymentFilter(django_filters.FilterSet):
    sale = IdFilter()
    method = django_filters.ChoiceFilter(choices=Method.choices)
    status = django_filters.ChoiceFilter(choices=Status.choices)
    start_date = FromFilter(field_name="initiated_at")
    end_date = UntilFilter(field_name="initiated_at")

    class Meta:
        model = Payment
        fields = ()
