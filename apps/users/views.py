"""Signing in and managing people."""

from typing import Any, cast

from django.db import transaction
from rest_framework import status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.core.clock import iso
from apps.core.docs import PAGE, documented, page_of
from apps.users import services
from apps.users.authentication import client_address, person
from apps.users.filters import UserFilter
from apps.users.models import AuthToken, User
from apps.users.permissions import IsAdmin
from apps.users.serializers import (
    LoginSerializer,
    MessageSerializer,
    PasswordSerializer,
    RegisteredSerializer,
    SignedInSerializer,
    UserForm,
    UserSerializer,
)
from apps.users.services import login_guard


class LoginView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @documented(
        "Sign in",
        description="Answers a token for this device. Send it as `Authorization: Token <token>` from then on. "
        "Five wrong passwords close a user name for 15 minutes.",
        body=LoginSerializer,
        answers={200: SignedInSerializer},
        errors={401: ["invalid_credentials"], 429: ["too_many_attempts"]},
        public=True,
    )
    def post(self, request: Request) -> Response:
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        signed_in = services.sign_in(request._request, **form.validated_data)
        return Response(
            {
                "token": signed_in.token,
                "expiry": iso(signed_in.expiry),
                "user": UserSerializer(signed_in.user).data,
            }
        )


class LogoutView(APIView):
    @documented(
        "Sign this device out",
        description="This token stops working at once; the user's other devices stay signed in.",
        answers={200: MessageSerializer},
    )
    def post(self, request: Request) -> Response:
        services.sign_out(cast(AuthToken, request.auth))
        return Response({"message": "Signed out on this device."})


class LogoutAllView(APIView):
    @documented("Sign all devices out", answers={200: MessageSerializer})
    def post(self, request: Request) -> Response:
        services.sign_out_everywhere(person(request))
        return Response({"message": "Signed out on every device."})


class MeView(APIView):
    @documented("The person who is signed in", answers={200: UserSerializer})
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(person(request)).data)


class PasswordView(APIView):
    @documented(
        "Change the own password",
        description="The user's other devices are signed out.",
        body=PasswordSerializer,
        answers={200: MessageSerializer},
        errors={429: ["too_many_attempts"]},
    )
    def post(self, request: Request) -> Response:
        form = PasswordSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user, address = person(request), client_address(request._request)
        services.check_password_strength(form.validated_data["new_password"], user, field="new_password")
        # A stolen token must not be a way to guess the password, so this counts like a sign-in.
        login_guard.reserve(user.username, address)
        with transaction.atomic():
            services.change_password(user.pk, cast(AuthToken, request.auth), **form.validated_data)
        login_guard.release(user.username, address)
        return Response({"message": "The password is changed; other devices are signed out."})


class RegisterView(APIView):
    permission_classes = (IsAdmin,)

    @documented(
        "Create a user",
        description="The same as `POST users/`, with the answer wrapped in `user`. Never open to the public.",
        body=UserForm,
        answers={201: RegisteredSerializer},
        statuses=(403,),
    )
    def post(self, request: Request) -> Response:
        return Response({"user": _created(request)}, status.HTTP_201_CREATED)


def _created(request: Request) -> dict[str, Any]:
    form = UserForm(data=request.data)
    form.is_valid(raise_exception=True)
    with transaction.atomic():
        return UserSerializer(services.create_user(form.validated_data)).data


class UserViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[User]):
    """People, for administrators."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    permission_classes = (IsAdmin,)
    filterset_class = UserFilter
    lookup_value_regex = "[0-9]{1,18}"

    @documented(
        "List people",
        answers={200: page_of("User", UserSerializer, counted=True)},
        statuses=(400, 403, 404),
        query={
            "role": "`admin` or `cashier`.",
            "is_active": ("Only active or only deactivated people.", "boolean"),
            "search": "Part of the user name, first or last name.",
            **PAGE,
        },
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @documented("One person", answers={200: UserSerializer}, statuses=(403, 404))
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @documented("Create a user", body=UserForm, answers={201: UserSerializer}, statuses=(403,))
    def create(self, request: Request) -> Response:
        return Response(_created(request), status.HTTP_201_CREATED)

    @documented(
        "Change a person",
        description="A new password, role or activity signs the person out everywhere at once. Without a "
        "`password` the old one stays.",
        body=UserForm,
        answers={200: UserSerializer},
        errors={409: ["last_admin"]},
        statuses=(403, 404),
    )
    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        user = self.get_object()
        form = UserForm(user, data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        with transaction.atomic():
            changed = services.update_user(user.pk, form.validated_data)
        return Response(UserSerializer(changed).data)

    @documented(
        "Change some fields of a person",
        body=UserForm,
        answers={200: UserSerializer},
        errors={409: ["last_admin"]},
        statuses=(403, 404),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk, partial=True)

    @documented(
        "Deactivate a person",
        description="History keeps its author; the person's tokens die at once.",
        answers={204: "Deactivated."},
        errors={409: ["last_admin"]},
        statuses=(403, 404),
    )
    def destroy(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            services.deactivate_user(self.get_object().pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
