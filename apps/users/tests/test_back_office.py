"""The back office's own door is guarded like the API's, and its pages keep the same rules."""

from typing import Any

import pytest
from django.test import Client

from apps.users.models import User
from apps.users.tests.conftest import Clock, Login
from conftest import PASSWORD, client_of

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
CLOSED = "Too many wrong passwords. Try again in 15 minutes, or ask an administrator."


def enter(client: Client, username: str = "amina", password: str = PASSWORD) -> Any:
    return client.post(f"{LOGIN}?next=/admin/", {"username": username, "password": password})


def form(user: User, **changed: Any) -> dict[str, Any]:
    """What the page of a person sends."""
    names = ("username", "first_name", "last_name", "email", "phone_number", "role")
    values = {name: getattr(user, name) for name in names}
    return {**values, "is_active": "on", "new_password": "", **changed}


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    """A browser in which the administrator is signed in."""
    assert enter(client).status_code == 302
    return client


def test_administrators_get_in(client: Client, admin: User) -> None:
    answer = enter(client)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_cashiers_and_the_deactivated_stay_out(client: Client, admin: User, cashier: User) -> None:
    assert enter(client, "otieno").status_code == 200
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert enter(client).status_code == 200
    assert client.get("/admin/").status_code == 302


def test_five_wrong_passwords_close_both_doors(
    client: Client, admin: User, login: Login, clock: Clock
) -> None:
    for _ in range(5):
        assert CLOSED not in enter(client, password="guess").content.decode()
    refused = enter(client)
    assert refused.status_code == 200  # the form again, with the sentence
    assert CLOSED in refused.content.decode()
    assert client.get("/admin/").status_code == 302
    assert login("amina", address="10.0.0.9").status_code == 429
    clock.forward(minutes=16)
    assert enter(client).status_code == 302


def test_guesses_at_the_api_close_the_back_office(client: Client, admin: User, login: Login) -> None:
    for _ in range(5):
        login("amina", "guess")
    assert CLOSED in enter(client).content.decode()


def test_a_session_ends_with_password_role_and_activity(admin: User, second_admin: User) -> None:
    for fields in ({"password": "another-hash"}, {"role": "cashier"}, {"is_active": False}):
        browser = Client()
        assert enter(browser, "baraka").status_code == 302
        assert browser.get("/admin/").status_code == 200
        before = {name: getattr(second_admin, name) for name in fields}
        User.objects.filter(pk=second_admin.pk).update(**fields)
        assert browser.get("/admin/").status_code == 302, fields
        User.objects.filter(pk=second_admin.pk).update(**before)


def test_a_person_changed_here_is_signed_out_of_the_tills(
    office: Client, cashier: User, login: Login
) -> None:
    till = client_of(cashier)
    page = f"/admin/users/user/{cashier.pk}/change/"
    assert office.post(page, form(cashier, first_name="Ochieng")).status_code == 302
    assert till.get("/api/auth/me/").json()["first_name"] == "Ochieng"
    assert office.post(page, form(cashier, new_password="chai-na-mandazi-30")).status_code == 302
    assert till.get("/api/auth/me/").status_code == 401
    assert login("otieno", "chai-na-mandazi-30").status_code == 200


def test_a_person_is_created_here(office: Client, login: Login) -> None:
    person = User(username="Neema", role="cashier")
    refused = office.post("/admin/users/user/add/", form(person, new_password="short"))
    assert "This password is too short." in refused.content.decode()
    assert (
        "A new person needs a password."
        in office.post("/admin/users/user/add/", form(person)).content.decode()
    )
    assert not User.objects.filter(username="Neema").exists()
    assert office.post("/admin/users/user/add/", form(person, new_password=PASSWORD)).status_code == 302
    assert login("neema").status_code == 200


def test_a_taken_name_is_a_message_here(office: Client, cashier: User) -> None:
    answer = office.post(
        "/admin/users/user/add/", form(User(username="OTIENO", role="cashier"), new_password=PASSWORD)
    )
    assert answer.status_code == 200
    assert User.objects.count() == 2


def test_the_last_administrator_stays_here_too(office: Client, admin: User) -> None:
    page = f"/admin/users/user/{admin.pk}/change/"
    answer = office.post(page, form(admin, role="cashier"), follow=True)
    assert "This is the last active administrator. Make another one first." in answer.content.decode()
    assert User.objects.get(pk=admin.pk).role == "admin"


def test_nobody_is_deleted_here(office: Client, cashier: User) -> None:
    assert office.post(f"/admin/users/user/{cashier.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=cashier.pk).exists()
