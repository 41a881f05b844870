"""Tokens: what ends them, and what of them is stored."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from apps.users.models import AuthToken, User
from apps.users.tests.conftest import Clock, Login
from conftest import client_of

pytestmark = pytest.mark.django_db
ME = "/api/auth/me/"
NEW_PASSWORD = "chai-na-mandazi-30"


def device(user: User) -> APIClient:
    """One more till where `user` is signed in; it works."""
    client = client_of(user)
    assert client.get(ME).status_code == 200
    return client


def refusal(client: APIClient) -> tuple[int, str]:
    answer = client.get(ME)
    return answer.status_code, answer.json().get("code", "")


def test_signing_out_ends_this_device_only(cashier: User) -> None:
    till, phone = device(cashier), device(cashier)
    answer = till.post("/api/auth/logout/")
    assert (answer.status_code, answer.json()) == (200, {"message": "Signed out on this device."})
    assert refusal(till) == (401, "invalid_token")
    assert phone.get(ME).status_code == 200
    assert till.post("/api/auth/logout/").status_code == 401


def test_signing_out_everywhere_ends_all_devices_of_this_person(cashier: User, stranger: User) -> None:
    till, phone, other = device(cashier), device(cashier), device(stranger)
    answer = till.post("/api/auth/logoutall/")
    assert (answer.status_code, answer.json()) == (200, {"message": "Signed out on every device."})
    assert [refusal(client) for client in (till, phone)] == [(401, "invalid_token")] * 2
    assert other.get(ME).status_code == 200
    assert AuthToken.objects.get().user == stranger


def test_a_token_ends_after_twelve_hours(cashier: User, clock: Clock) -> None:
    till = device(cashier)
    clock.forward(hours=11, minutes=59)
    assert till.get(ME).status_code == 200
    clock.forward(minutes=1)
    assert refusal(till) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_authenticated"),
        ("", "not_authenticated"),
        ("Bearer {token}", "not_authenticated"),
        ("{token}", "not_authenticated"),
        ("Token", "invalid_token"),
        ("Token {token} {token}", "invalid_token"),
        ("Token {token}x", "invalid_token"),
        ("Token {short}", "invalid_token"),
        ("Token {digest}", "invalid_token"),
        ("Token \xff\xfe", "invalid_token"),
        ("Token \x00\x01", "invalid_token"),
        ("Token 'OR'1'='1", "invalid_token"),
        ("Token " + "a" * 10_000, "invalid_token"),
    ],
)
def test_a_header_that_is_no_token(cashier: User, header: str | None, code: str) -> None:
    stored, token = AuthToken.objects.create(cashier, stamp=cashier.credential_stamp())
    client = APIClient()
    if header is not None:
        filled = header.format(token=token, short=token[:-1], digest=stored.digest)
        client.credentials(HTTP_AUTHORIZATION=filled)
    answer = client.get(ME)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"] == "Token"
    assert set(answer.json()) == {"error", "code"}


def test_the_word_before_the_token_is_read_in_any_case(cashier: User) -> None:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=f"token {AuthToken.objects.create(cashier, stamp=cashier.credential_stamp())[1]}"
    )
    assert client.get(ME).status_code == 200


def test_a_token_in_the_address_counts_for_nothing(cashier: User) -> None:
    token = AuthToken.objects.create(cashier, stamp=cashier.credential_stamp())[1]
    assert APIClient().get(f"{ME}?token={token}&Authorization=Token%20{token}").status_code == 401


def change_through_the_api(user: User, admin: APIClient, fields: dict[str, Any]) -> None:
    assert admin.patch(f"/api/users/{user.pk}/", fields).status_code == 200


def by_password(user: User, admin: APIClient) -> None:
    change_through_the_api(user, admin, {"password": NEW_PASSWORD})


def by_role(user: User, admin: APIClient) -> None:
    change_through_the_api(user, admin, {"role": "admin"})


def by_activity(user: User, admin: APIClient) -> None:
    change_through_the_api(user, admin, {"is_active": False})


def by_delete(user: User, admin: APIClient) -> None:
    assert admin.delete(f"/api/users/{user.pk}/").status_code == 204


def by_changepassword(user: User, admin: APIClient) -> None:
    """What `manage.py changepassword` and any script do; they know nothing of tokens."""
    fresh = User.objects.get(pk=user.pk)
    fresh.set_password(NEW_PASSWORD)
    fresh.save()


def by_sql(user: User, admin: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users_user SET role = 'admin' WHERE id = %s", [user.pk])


@pytest.mark.parametrize(
    "change",
    [by_password, by_role, by_activity, by_delete, by_changepassword, by_sql],
    ids=lambda f: f.__name__,
)
def test_whatever_changes_a_person_ends_their_tokens_at_once(
    cashier: User, stranger: User, as_admin: APIClient, change: Callable[[User, APIClient], None]
) -> None:
    till, phone, other = device(cashier), device(cashier), device(stranger)
    change(cashier, as_admin)
    assert [refusal(client) for client in (till, phone)] == [(401, "invalid_token")] * 2
    assert other.get(ME).status_code == 200
    assert as_admin.get(ME).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{"first_name": "Ann"}, {"phone_number": "0712345678"}, {"role": "cashier"}, {"is_active": True}],
)
def test_other_changes_leave_people_signed_in(
    cashier: User, as_admin: APIClient, fields: dict[str, Any]
) -> None:
    till = device(cashier)
    change_through_the_api(cashier, as_admin, fields)
    assert till.get(ME).status_code == 200


def test_tokens_stay_dead_when_a_person_comes_back(cashier: User, as_admin: APIClient) -> None:
    till = device(cashier)
    by_activity(cashier, as_admin)
    change_through_the_api(cashier, as_admin, {"is_active": True})
    assert refusal(till) == (401, "invalid_token")


def test_the_database_holds_nothing_that_signs_anyone_in(login: Login, cashier: User) -> None:
    token = login("otieno").json()["token"]
    assert len(token) == 64
    assert set(token) <= set("0123456789abcdef")  # 256 random bits
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM users_authtoken")
        stored = [str(value) for value in cursor.fetchone()]
    assert not [value for value in stored if token in value]
    for value in stored:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {value}")
        assert client.get(ME).status_code == 401, value


def test_each_device_has_its_own_token(login: Login, cashier: User) -> None:
    tokens = {login("otieno").json()["token"] for _ in range(3)}
    assert len(tokens) == 3
    assert AuthToken.objects.filter(user=cashier).count() == 3


def test_authenticating_takes_one_statement(
    cashier: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    till = device(cashier)
    for _ in range(5):
        device(cashier)
    with django_assert_num_queries(1):
        till.get(ME)


def test_the_sweep_deletes_what_has_expired(cashier: User, capsys: pytest.CaptureFixture[str]) -> None:
    AuthToken.objects.create(cashier, stamp=cashier.credential_stamp(), expiry=timedelta(seconds=-1))
    till = device(cashier)
    call_command("sweep_sign_ins")
    assert capsys.readouterr().out == "1 rows deleted.\n"
    assert till.get(ME).status_code == 200
