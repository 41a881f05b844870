"""How payments, refunds and messages are found."""

import django_filters

from apps.core.filters import FromFilter, IdFilter, UntilFilter
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.states import GATEWAY_METHODS, CallbackState, Method, RefundStatus, Status


class PaymentFilter(django_filters.FilterSet):
    sale = IdFilter()
    method = django_filters.ChoiceFilter(choices=Method.choices)
    status = django_filters.ChoiceFilter(choices=Status.choices)
    start_date = FromFilter(field_name="initiated_at")
    end_date = UntilFilter(field_name="initiated_at")

    class Meta:
        model = Payment
        fields = ()


class RefundFilter(django_filters.FilterSet):
    payment = IdFilter()
    sale = IdFilter(field_name="payment__sale")
    status = django_filters.ChoiceFilter(choices=RefundStatus.choices)
    start_date = FromFilter(field_name="requested_at")
    end_date = UntilFilter(field_name="requested_at")

    class Meta:
        model = Refund
        fields = ()


class CallbackFilter(django_filters.FilterSet):
    payment = IdFilter()
    callback_type = django_filters.ChoiceFilter(choices=[(m.value, m.label) for m in GATEWAY_METHODS])
    state = django_filters.ChoiceFilter(choices=CallbackState.choices)
    processed = django_filters.BooleanFilter(field_name="processed_at", lookup_expr="isnull", exclude=True)
    start_date = FromFilter(field_name="received_at")
    end_date = UntilFilter(field_name="received_at")

    class Meta:
        model = GatewayCallback
        fields = ()
