"""Query filters that are exact about what they accept: ids in plain digits, days of the shop or moments."""

from datetime import date, datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from apps.core.clock import day_end, day_start


class _IdFormField(forms.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            r"^[0-9]{1,18}\Z", error_messages={"invalid": "The id of a record is needed."}, **options
        )


class IdFilter(django_filters.Filter):
    field_class = _IdFormField


class _DayOrMomentField(forms.CharField):
    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        # Django reads the digits of every script, the API plain ones only.
        found = _day_or_moment(text) if text.isascii() else None
        if found is None or not 1900 <= found.year <= 9000:
            raise ValidationError("A date such as 2026-11-22 or an ISO 8601 timestamp is needed.")
        return found


def _day_or_moment(text: str) -> date | datetime | None:
    try:
        return parse_date(text) if len(text) <= 10 else _moment(text)
    except (ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime | None:
    # A plus sign that was not percent-encoded arrives as a space.
    moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    if moment is None:
        return None
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


class FromFilter(django_filters.Filter):
    """Rows at or after a moment, or from the first moment of a day."""

    field_class = _DayOrMomentField

    def filter(self, qs: QuerySet[Any], value: date | datetime | None) -> QuerySet[Any]:
        if value is None:
            return qs
        start = value if isinstance(value, datetime) else day_start(value)
        return qs.filter(**{f"{self.field_name}__gte": start})


class UntilFilter(django_filters.Filter):
    """Rows at or before a moment, or to the last moment of a day."""

    field_class = _DayOrMomentField

    def filter(self, qs: QuerySet[Any], value: date | datetime | None) -> QuerySet[Any]:
        if value is None:
            return qs
        if isinstance(value, datetime):
            return qs.filter(**{f"{self.field_name}__lte": value})
        return qs.filter(**{f"{self.field_name}__lt": day_end(value)})
