"""How movements, alerts and counts are found."""

from typing import Any

import django_filters
from django.db.models import F, QuerySet

from apps.core.filters import FromFilter, IdFilter, UntilFilter
from apps.inventory import selectors
from apps.inventory.models import CountLine, Movement, StockAlert, StockCount


class MovementFilter(django_filters.FilterSet):
    product = IdFilter()
    movement_type = django_filters.ChoiceFilter(choices=Movement.Type)
    created_by = IdFilter()
    reference_number = django_filters.CharFilter(max_length=64)
    start_date = FromFilter(field_name="created_at")
    end_date = UntilFilter(field_name="created_at")

    class Meta:
        model = Movement
        fields = ()


class AlertFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=StockAlert.Status)
    product = IdFilter()

    class Meta:
        model = StockAlert
        fields = ()


class CountFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=StockCount.Status)
    started_by = IdFilter()
    start_date = FromFilter(field_name="started_at")
    end_date = UntilFilter(field_name="started_at")

    class Meta:
        model = StockCount
        fields = ()


class CountLineFilter(django_filters.FilterSet):
    product = IdFilter()
    variance = django_filters.ChoiceFilter(method="by_variance", choices=[("true", "Yes"), ("false", "No")])

    class Meta:
        model = CountLine
        fields = ()

    def by_variance(self, rows: QuerySet[CountLine, Any], name: str, wanted: str) -> QuerySet[CountLine, Any]:
        if wanted == "true":
            return selectors.differing(rows)
        return rows.filter(physical_quantity=F("system_quantity"))
