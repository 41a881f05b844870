"""Creating, changing and deactivating people. Call inside a transaction."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ValidationError

from apps.core.locking import locked
from apps.users.errors import LastAdmin
from apps.users.models import AuthToken, User
from apps.users.services import login_guard


def create_user(fields: Mapping[str, Any]) -> User:
    """A new person; `fields` are the model's, `password` in clear. Raises `ValidationError` on a weak password."""
    values = dict(fields)
    password = values.pop("password")
    check_password_strength(password, User(**values))
    return User.objects.create_user(password=password, **values)


def update_user(user_id: int, fields: Mapping[str, Any]) -> User:
    """Changes a person. A new password, role or activity ends their sign-ins at once.

    Raises `LastAdmin` when nobody would be left to administer, `ValidationError` on a weak password.
    """
    values = dict(fields)
    password = values.pop("password", None)
    # All administrators first, so that two who demote each other at once cannot both succeed.
    admins = {admin.pk for admin in locked(User.objects.filter(role=User.Role.ADMIN, is_active=True))}
    user = locked(User.objects.filter(pk=user_id)).get()
    before = user.credential_stamp()
    for name, value in values.items():
        setattr(user, name, value)
    if admins == {user_id} and not (user.is_active and user.is_admin):
        raise LastAdmin("This is the last active administrator. Make another one first.")
    if password is not None:
        check_password_strength(password, user)
        user.set_password(password)
        login_guard.unlock(user.username)
    user.save()
    if not user.is_active or user.credential_stamp() != before:
        AuthToken.objects.filter(user=user).delete()
    return user


def deactivate_user(user_id: int) -> None:
    """The person can do nothing any more; their sales keep their name. Raises `LastAdmin`."""
    update_user(user_id, {"is_active": False})


def change_password(user_id: int, token: AuthToken, old_password: str, new_password: str) -> None:
    """The user's own new password. The device that asked stays signed in, all others are signed out.

    The old one is compared on the locked row: who reset it a moment ago is not overruled.
    """
    user = locked(User.objects.filter(pk=user_id)).get()
    if not user.check_password(old_password):
        raise ValidationError({"old_password": ["This is not your current password."]})
    user.set_password(new_password)
    user.save(update_fields=["password"])
    AuthToken.objects.filter(user=user).exclude(pk=token.pk).delete()
    AuthToken.objects.filter(pk=token.pk).update(stamp=user.credential_stamp())


def check_password_strength(password: str, user: User, field: str = "password") -> None:
    """Raises DRF's `ValidationError` under `field` for a password that is easy to guess."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError({field: error.messages}) from None
