"""People on the wire."""

from typing import Any, ClassVar

from django.core.validators import EmailValidator
from rest_framework import serializers

from apps.core.fields import NoCardNumbers
from apps.users.models import User


class UserSerializer(serializers.ModelSerializer[User]):
    """A person as shown."""

    # Not an EmailField, which Swagger would describe as never empty.
    email = serializers.CharField(
        max_length=254,
        required=False,
        allow_blank=True,
        validators=[EmailValidator()],
        help_text="An e-mail address, or empty.",
    )

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "email",
            "first_name",
            "last_name",
            "role",
            "phone_number",
            "is_active",
            "created_at",
        )
        read_only_fields = ("id", "created_at")


class UserForm(NoCardNumbers, UserSerializer):
    """A person as set; `password` is accepted, never shown."""

    password = serializers.CharField(
        write_only=True, max_length=128, trim_whitespace=False, style={"input_type": "password"}
    )

    class Meta(UserSerializer.Meta):
        ref_name = "UserInput"
        fields = (*UserSerializer.Meta.fields, "password")  # type: ignore[assignment]  # one more
        swagger_schema_fields: ClassVar = {
            "example": {
                "username": "otieno",
                "password": "maziwa-na-mkate-27",
                "first_name": "Otieno",
                "role": "cashier",
                "phone_number": "0712345678",
            }
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A PUT without a password keeps the one there is: nobody can send back what was never shown.
        if self.instance is not None:
            self.fields["password"].required = False

    def validate_username(self, username: str) -> str:
        username = User.normalize_username(username)
        others = User.objects.named(username)
        if self.instance is not None:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise serializers.ValidationError("This user name is taken.")
        return username


class RegisteredSerializer(serializers.Serializer[Any]):
    user = UserSerializer()


class LoginSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)

    class Meta:
        swagger_schema_fields: ClassVar = {"example": {"username": "cashier", "password": "the password"}}


class PasswordSerializer(serializers.Serializer[Any]):
    old_password = serializers.CharField(max_length=128, trim_whitespace=False)
    new_password = serializers.CharField(max_length=128, trim_whitespace=False)

    class Meta:
        swagger_schema_fields: ClassVar = {
            "example": {"old_password": "maziwa-na-mkate-27", "new_password": "chai-na-mandazi-30"}
        }


class SignedInSerializer(serializers.Serializer[Any]):
    """The token in clear, shown this once."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField()
    user = UserSerializer()


class MessageSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()

    class Meta:
        ref_name: ClassVar = "Message"
