"""How administrators find people."""

import django_filters
from django.db.models import Q, QuerySet

from apps.users.models import User


class UserFilter(django_filters.FilterSet):
    role = django_filters.ChoiceFilter(choices=User.Role)
    is_active = django_filters.BooleanFilter()
    search = django_filters.CharFilter(method="by_text")

    class Meta:
        model = User
        fields = ()

    def by_text(self, users: QuerySet[User], name: str, text: str) -> QuerySet[User]:
        return users.filter(
            Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
        )
