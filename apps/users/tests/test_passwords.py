"""Passwords: changing the own one, what is too weak, how they are kept."""

import importlib
import os
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.users.models import AuthToken, LoginCounter, User
from apps.users.tests.conftest import Clock, Login
from conftest import PASSWORD, client_of, make_user

pytestmark = pytest.mark.django_db
URL = "/api/auth/password/"
NEW_PASSWORD = "chai-na-mandazi-30"


def change(client: APIClient, old: str = PASSWORD, new: str = NEW_PASSWORD) -> Any:
    return client.post(URL, {"old_password": old, "new_password": new})


def test_the_device_that_asks_stays_signed_in(cashier: User, login: Login) -> None:
    till, phone = client_of(cashier), client_of(cashier)
    answer = change(till)
    assert answer.status_code == 200
    assert answer.json() == {"message": "The password is changed; other devices are signed out."}
    assert till.get("/api/auth/me/").status_code == 200
    assert phone.get("/api/auth/me/").status_code == 401
    assert AuthToken.objects.count() == 1
    assert [login("otieno", password).status_code for password in (PASSWORD, NEW_PASSWORD)] == [401, 200]


def test_a_wrong_old_password_changes_nothing(cashier: User, as_cashier: APIClient, login: Login) -> None:
    phone = client_of(cashier)
    answer = change(as_cashier, old="wrong")
    assert answer.status_code == 400
    assert answer.json() == {"old_password": ["This is not your current password."]}
    assert phone.get("/api/auth/me/").status_code == 200
    assert login("otieno").status_code == 200


def test_a_stolen_token_gives_no_more_guesses_than_the_login(
    as_cashier: APIClient, login: Login, clock: Clock
) -> None:
    assert [change(as_cashier, old="guess").status_code for _ in range(5)] == [400] * 5
    refused = change(as_cashier)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert refused["Retry-After"] == "900"
    assert login("otieno").status_code == 429
    clock.forward(minutes=16)
    assert change(as_cashier).status_code == 200
    assert login("otieno", NEW_PASSWORD).status_code == 200


def test_login_and_own_password_share_one_count(as_cashier: APIClient, login: Login) -> None:
    assert [login("otieno", "guess").status_code for _ in range(3)] == [401] * 3
    assert [change(as_cashier, old="guess").status_code for _ in range(3)] == [400, 400, 429]


WEAK = [
    ("short", "This password is too short. It must contain at least 12 characters."),
    ("password1234", "This password is too common."),
    ("739204618355", "This password is entirely numeric."),
]


@pytest.mark.parametrize(("password", "sentence"), WEAK)
def test_a_weak_new_password_is_refused(
    as_cashier: APIClient, login: Login, password: str, sentence: str
) -> None:
    answer = change(as_cashier, new=password)
    assert answer.status_code == 400
    assert sentence in answer.json()["new_password"]
    assert as_cashier.get("/api/auth/me/").status_code == 200
    assert login("otieno").status_code == 200


@pytest.mark.parametrize(("password", "sentence"), WEAK)
def test_a_new_persons_weak_password_is_refused(as_admin: APIClient, password: str, sentence: str) -> None:
    answer = as_admin.post("/api/users/", {"username": "otieno", "password": password})
    assert answer.status_code == 400
    assert sentence in answer.json()["password"]
    assert not User.objects.filter(username="otieno").exists()


@pytest.mark.parametrize(("password", "sentence"), WEAK)
def test_an_administrator_cannot_set_a_weak_password(
    as_admin: APIClient, cashier: User, login: Login, password: str, sentence: str
) -> None:
    answer = as_admin.patch(f"/api/users/{cashier.pk}/", {"password": password, "first_name": "Changed"})
    assert answer.status_code == 400
    assert sentence in answer.json()["password"]
    assert login("otieno").json()["user"]["first_name"] == "Otieno"


def test_a_password_like_the_own_name_is_refused(as_admin: APIClient) -> None:
    like, sentence = "otieno-ochieng1", "The password is too similar to the username."
    body = {"username": "otieno-ochieng", "password": like}
    assert as_admin.post("/api/users/", body).json() == {"password": [sentence]}
    otieno = make_user("otieno-ochieng")
    assert as_admin.patch(f"/api/users/{otieno.pk}/", {"password": like}).json() == {"password": [sentence]}
    assert change(client_of(otieno), new=like).json() == {"new_password": [sentence]}


def test_a_weak_new_password_does_not_count_as_a_guess(as_cashier: APIClient, cashier: User) -> None:
    for _ in range(6):
        assert change(as_cashier, new="short").status_code == 400
    assert change(as_cashier).status_code == 200


def test_the_own_password_of_nobody(as_nobody: APIClient) -> None:
    assert change(as_nobody).status_code == 401
    assert LoginCounter.objects.count() == 0


def test_passwords_are_kept_with_argon2(settings: Any, as_admin: APIClient, login: Login) -> None:
    settings.PASSWORD_HASHERS = importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"]).PASSWORD_HASHERS
    created = as_admin.post("/api/users/", {"username": "neema", "password": PASSWORD})
    assert created.status_code == 201
    assert User.objects.get(username="neema").password.startswith("argon2$argon2id$")
    assert login("neema").status_code == 200


def test_an_older_hash_is_renewed_at_the_next_sign_in(settings: Any, cashier: User, login: Login) -> None:
    assert cashier.password.startswith("md5$")
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    token = login("otieno").json()["token"]
    assert User.objects.get(pk=cashier.pk).password.startswith("argon2$")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get("/api/auth/me/").status_code == 200
