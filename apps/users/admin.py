"""People in the back office; every change goes through the same services as the API."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import HttpRequest

from apps.core.admin import RefusesCardNumbers, TellsRefusals
from apps.core.errors import DomainError
from apps.users import services
from apps.users.models import User


class GuardedLoginForm(AdminAuthenticationForm):
    """Says in the form what the login guard says, instead of an error page."""

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except DomainError as error:
            raise forms.ValidationError(error.sentence) from None


admin.site.login_form = GuardedLoginForm
admin.site.unregister(Group)  # roles decide everything here


class UserForm(forms.ModelForm):
    """A person; the new password is optional when changing."""

    new_password = forms.CharField(required=False, strip=False, widget=forms.PasswordInput, max_length=128)

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "phone_number", "role", "is_active")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        password = values.get("new_password")
        if not password and self.instance.pk is None:
            self.add_error("new_password", "A new person needs a password.")
        if password:
            try:
                validate_password(password, self.instance)
            except forms.ValidationError as error:
                self.add_error("new_password", error)
        return values


@admin.register(User)
class UserAdmin(RefusesCardNumbers, TellsRefusals, admin.ModelAdmin):
    form = UserForm
    list_display = ("username", "display_name", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("username", "first_name", "last_name")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """People are deactivated, never deleted: history keeps its author."""
        return False

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in UserForm.Meta.fields}
        if form.cleaned_data["new_password"]:
            fields["password"] = form.cleaned_data["new_password"]
        obj.pk = (services.update_user(obj.pk, fields) if change else services.create_user(fields)).pk
