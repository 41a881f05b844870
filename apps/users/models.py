"""Persons, their tokens, and the counters that keep guessers out."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import constant_time_compare, salted_hmac
from knox.models import AbstractAuthToken


class UserManager(BaseUserManager["User"]):
    def named(self, username: str) -> "models.QuerySet[User]":
        """The person with this name, if any: names are told apart without regard to case, as their index does."""
        return self.alias(folded=Lower("username")).filter(folded=Lower(models.Value(username)))

    def get_by_natural_key(self, username: str | None) -> "User":
        """A phone's keyboard writes `Admin` for `admin`.

        PostgreSQL takes a few more letters for one than Python (`İ` for `i`). The login guard counts by Python's
        rules, and another spelling must not bring further guesses, so a name has to fit by both.
        """
        user = self.named(username or "").get()
        if user.username.casefold() != (username or "").casefold():
            raise self.model.DoesNotExist
        return user

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """The first administrator, made at the command line."""
        return self.create_user(username, password, role=User.Role.ADMIN, **fields)


class User(AbstractBaseUser):  # type: ignore[django-manager-missing]  # knox names it on its abstract model
    """A person who signs in. The role decides everything; there are no groups or single permissions."""

    class Role(models.TextChoices):
        ADMIN = "admin", "Administrator"
        CASHIER = "cashier", "Cashier"

    username = models.CharField(max_length=150, validators=[UnicodeUsernameValidator()])
    email = models.EmailField(blank=True, default="")
    first_name = models.CharField(max_length=150, blank=True, default="")
    last_name = models.CharField(max_length=150, blank=True, default="")
    role = models.CharField(max_length=10, choices=Role, default=Role.CASHIER)
    phone_number = models.CharField(max_length=20, blank=True, default="")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["email"]
    objects = UserManager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("username"), name="username_unique"),
            models.CheckConstraint(condition=models.Q(role__in=["admin", "cashier"]), name="role_known"),
        ]

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.ADMIN

    @property
    def display_name(self) -> str:
        """What stands on receipts and lists: the person's name, else the user name."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    # What Django's admin asks: administrators may everything, others nothing.
    @property
    def is_staff(self) -> bool:
        return self.is_admin

    @property
    def is_superuser(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and self.is_admin

    def has_perms(self, perms: list[str], obj: object = None) -> bool:
        return self.is_active and self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_admin

    def credential_stamp(self) -> str:
        """Changes with the password and the role; a token carries the stamp of the moment it was issued."""
        return salted_hmac("apps.users.token", f"{self.password}:{self.role}", algorithm="sha256").hexdigest()


class AuthToken(AbstractAuthToken):
    """A device that is signed in. Only the SHA-512 digest of the token is stored.

    The stamp makes every token of a user worthless the moment password or role change, however they were
    changed: through the API, the admin, or `manage.py changepassword`.
    """

    stamp = models.CharField(max_length=64)

    class Meta:
        verbose_name = "sign-in token"

    def is_current(self) -> bool:
        return self.user.is_active and constant_time_compare(self.stamp, self.user.credential_stamp())


class LoginCounter(models.Model):
    """Sign-in attempts of one user name or one address, reserved before the password is looked at.

    `key` is `user:<name>`, `address:<ip>` or `known:<name>@<ip>`, hashed, so that the table does not tell who
    mistyped; `attempts` count since the last success or the last long silence.
    """

    key = models.CharField(max_length=64, primary_key=True)
    attempts = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.attempts} attempts"
