"""What every page of the back office shares."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import CharField, Field, Model, TextField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from apps.core.card_numbers import REFUSED, card_number_in
from apps.core.errors import DomainError

# What may look like a card number: the codes of goods (apps/core/fields.py).
CODES = ("barcode", "sku")


class TellsRefusals:
    """A rule of the shop that forbids a change is a message on the page, not an error page."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc,no-any-return]
        except DomainError as error:
            messages.error(request, error.sentence)
            return HttpResponseRedirect(request.get_full_path())


class RefusesCardNumbers:
    """The forms of the back office take no card number either."""

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest | None, **kwargs: Any
    ) -> Any:
        shown = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if shown is not None and isinstance(db_field, CharField | TextField) and db_field.name not in CODES:
            shown.validators.append(_refuse_card_number)
        return shown


def _refuse_card_number(text: object) -> None:
    if card_number_in(str(text)):
        raise ValidationError(REFUSED)


class ReadOnlyAdmin:
    """Ledgers are read here; nothing can be added, changed or deleted."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
