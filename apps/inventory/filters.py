"""How movements are found."""

import django_filters

from apps.core.filters import FromFilter, IdFilter, UntilFilter
from apps.inventory.models import Movement


class MovementFilter(django_filters.FilterSet):
    product = IdFilter()
    movement_type = django_filters.ChoiceFilter(choices=Movement.Type)
    created_by = IdFilter()
    start_date = FromFilter(field_name="created_at")
    end_date = UntilFilter(field_name="created_at")

    class Meta:
        model = Movement
        fields = ()
