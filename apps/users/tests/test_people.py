"""Managing people: who may, what they may set, and the last administrator."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.core.clock import iso
from apps.users.models import User
from apps.users.tests.conftest import Login
from conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db
URL = "/api/users/"
NEW = {"username": "neema", "password": PASSWORD}


def address(user: User) -> str:
    return f"{URL}{user.pk}/"


def stored(user: User) -> dict[str, Any]:
    """The row as it is, all columns."""
    return User.objects.filter(pk=user.pk).values().get()


@pytest.mark.parametrize("path", [URL, "/api/auth/register/"])
def test_an_administrator_creates_a_person(as_admin: APIClient, login: Login, path: str) -> None:
    body = {
        **NEW,
        "email": "neema@example.com",
        "first_name": "Neema",
        "last_name": "W",
        "role": "admin",
        "phone_number": "0712345678",
    }
    answer = as_admin.post(path, body)
    assert answer.status_code == 201
    user = User.objects.get(username="neema")
    shown = answer.json() if path == URL else answer.json()["user"]
    assert shown == {
        "id": user.pk,
        "username": "neema",
        "email": "neema@example.com",
        "first_name": "Neema",
        "last_name": "W",
        "role": "admin",
        "phone_number": "0712345678",
        "is_active": True,
        "created_at": iso(user.created_at),
    }
    if path != URL:
        assert set(answer.json()) == {"user"}
    assert as_admin.get(address(user)).json() == shown
    assert login("neema").json()["user"] == shown


def test_a_new_person_is_a_cashier_unless_said_otherwise(as_admin: APIClient) -> None:
    assert as_admin.post(URL, NEW).json()["role"] == "cashier"


def test_only_administrators_manage_people(
    as_cashier: APIClient, as_stranger: APIClient, as_nobody: APIClient, cashier: User, stranger: User
) -> None:
    calls = [
        ("get", URL),
        ("post", URL),
        ("post", "/api/auth/register/"),
        *[(method, address(cashier)) for method in ("get", "put", "patch", "delete")],
    ]
    before = [stored(cashier), stored(stranger)]
    refusals = [(as_cashier, 403, "permission_denied"), (as_stranger, 403, "permission_denied")]
    for client, status, code in [*refusals, (as_nobody, 401, "not_authenticated")]:
        for method, path in calls:
            answer = getattr(client, method)(path, {**NEW, "role": "admin"})
            assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path)
    assert [stored(cashier), stored(stranger)] == before
    assert User.objects.count() == 2


def test_people_are_listed_and_found(
    as_admin: APIClient, admin: User, cashier: User, stranger: User, django_assert_num_queries: Any
) -> None:
    make_user("gone", is_active=False)
    with django_assert_num_queries(2):  # the token and the page, which is the last one
        page = as_admin.get(URL).json()
    assert (page["count"], page["next"], page["previous"]) == (4, None, None)
    assert [row["username"] for row in page["results"]] == ["amina", "otieno", "wanjiru", "gone"]
    assert "password" not in page["results"][0]
    found = {
        query: [row["username"] for row in as_admin.get(f"{URL}?{query}").json()["results"]]
        for query in ("role=admin", "is_active=false", "search=TILL", "search=wanj", "search=%25", "search=_")
    }
    assert found == {
        "role=admin": ["amina"],
        "is_active=false": ["gone"],
        "search=TILL": ["otieno"],
        "search=wanj": ["wanjiru"],
        "search=%25": [],
        "search=_": [],
    }
    assert as_admin.get(f"{URL}?role=owner").status_code == 400


def test_a_person_who_is_not_there(as_admin: APIClient) -> None:
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(as_admin, method)(f"{URL}999999/", NEW)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_what_the_api_showed_can_be_put_back(as_admin: APIClient, cashier: User, login: Login) -> None:
    """Nobody can send back a password that was never shown, so a PUT without one keeps it."""
    before = stored(cashier)
    shown = as_admin.get(address(cashier)).json()
    answer = as_admin.put(address(cashier), {**shown, "first_name": "Ochieng"})
    assert answer.status_code == 200
    assert answer.json() == {**shown, "first_name": "Ochieng"}
    assert stored(cashier) == {**before, "first_name": "Ochieng"}
    assert login("otieno").status_code == 200


def test_a_put_needs_the_name(as_admin: APIClient, cashier: User) -> None:
    answer = as_admin.put(address(cashier), {"first_name": "Ochieng"})
    assert (answer.status_code, answer.json()) == (400, {"username": ["This field is required."]})


def test_a_put_with_a_password_changes_it(as_admin: APIClient, cashier: User, login: Login) -> None:
    answer = as_admin.put(address(cashier), {"username": "otieno", "password": "chai-na-mandazi-30"})
    assert answer.status_code == 200
    assert login("otieno", "chai-na-mandazi-30").status_code == 200


@pytest.mark.parametrize("username", ["otieno", "OTIENO", "Otieno", " otieno", "ｏｔｉｅｎｏ"])
def test_a_name_is_taken_in_any_spelling(
    as_admin: APIClient, cashier: User, stranger: User, username: str
) -> None:
    taken = {"username": ["This user name is taken."]}
    for answer in (
        as_admin.post(URL, {**NEW, "username": username}),
        as_admin.post("/api/auth/register/", {**NEW, "username": username}),
        as_admin.patch(address(stranger), {"username": username}),
    ):
        assert (answer.status_code, answer.json()) == (400, taken)
    assert User.objects.count() == 3


def test_a_person_may_change_the_case_of_their_own_name(as_admin: APIClient, cashier: User) -> None:
    answer = as_admin.patch(address(cashier), {"username": "Otieno"})
    assert (answer.status_code, answer.json()["username"]) == (200, "Otieno")


def test_names_that_only_the_database_would_confuse(as_admin: APIClient, login: Login) -> None:
    """Dotless ı: two names by the index of the table, which PostgreSQL's UPPER would take for one."""
    for username in ("kipkirui", "kıpkırui"):
        assert as_admin.post(URL, {"username": username, "password": PASSWORD}).status_code == 201
        assert login(username).json()["user"]["username"] == username


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"username": "a b"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "n" * 151}, "username"),
        ({"username": "neema\n"}, None),  # space around a name is dropped
        ({"role": "owner"}, "role"),
        ({"role": ["admin"]}, "role"),
        ({"email": "neema"}, "email"),
        ({"is_active": "maybe"}, "is_active"),
        ({"is_active": None}, "is_active"),
        ({"password": ""}, "password"),
        ({"password": "p" * 129}, "password"),
        ({"first_name": "n" * 151}, "first_name"),
        ({"phone_number": "0" * 21}, "phone_number"),
    ],
)
def test_unusable_fields(as_admin: APIClient, fields: dict[str, Any], refused: str | None) -> None:
    answer = as_admin.post(URL, {**NEW, **fields})
    if refused is None:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, list(answer.json())) == (400, [refused])
        assert User.objects.count() == 1


POWERS = {
    "id": 999_999,
    "is_staff": True,
    "is_superuser": True,
    "created_at": "2001-01-01T00:00:00Z",
    "last_login": "2001-01-01T00:00:00Z",
    "user_permissions": [1],
    "groups": [1],
    "stamp": "x",
}


def test_nothing_else_can_be_set(as_admin: APIClient, cashier: User) -> None:
    created = as_admin.post(URL, {**NEW, **POWERS})
    assert created.status_code == 201
    neema = User.objects.get(username="neema")
    assert neema.pk != 999_999
    assert neema.created_at.year > 2001
    assert neema.last_login is None
    assert not neema.is_staff
    assert not neema.is_superuser
    before = stored(cashier)
    assert as_admin.patch(address(cashier), POWERS).status_code == 200
    assert as_admin.put(address(cashier), {"username": "otieno", **POWERS}).status_code == 200
    assert stored(cashier) == before


def test_deleting_a_person_deactivates_them(as_admin: APIClient, cashier: User, login: Login) -> None:
    before = stored(cashier)
    answer = as_admin.delete(address(cashier))
    assert (answer.status_code, answer.content) == (204, b"")
    assert stored(cashier) == {**before, "is_active": False}
    assert login("otieno").status_code == 401
    assert as_admin.get(address(cashier)).json()["is_active"] is False
    assert as_admin.delete(address(cashier)).status_code == 204
    assert as_admin.patch(address(cashier), {"is_active": True}).status_code == 200
    assert login("otieno").status_code == 200


ENDING = [("delete", {}), ("patch", {"is_active": False}), ("patch", {"role": "cashier"})]


@pytest.mark.parametrize(("method", "fields"), [*ENDING, ("put", {"username": "amina", "role": "cashier"})])
def test_the_last_administrator_stays(
    as_admin: APIClient, admin: User, cashier: User, method: str, fields: dict[str, Any]
) -> None:
    make_user("gone", "admin", is_active=False)  # does not count
    before = stored(admin)
    answer = getattr(as_admin, method)(address(admin), fields)
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "This is the last active administrator. Make another one first.",
        "code": "last_admin",
    }
    assert stored(admin) == before
    assert as_admin.get("/api/auth/me/").status_code == 200


@pytest.mark.parametrize(("method", "fields"), ENDING)
def test_one_of_two_administrators_may_go(
    as_admin: APIClient, admin: User, second_admin: User, method: str, fields: dict[str, Any]
) -> None:
    assert getattr(as_admin, method)(address(second_admin), fields).status_code in (200, 204)
    assert User.objects.filter(role="admin", is_active=True).get() == admin
    assert getattr(as_admin, method)(address(admin), fields).status_code == 409


def test_an_administrator_may_leave_when_another_one_stays(
    as_admin: APIClient, admin: User, second_admin: User
) -> None:
    assert as_admin.delete(address(admin)).status_code == 204
    assert as_admin.get("/api/auth/me/").status_code == 401


def test_the_last_administrator_may_change_everything_else(as_admin: APIClient, admin: User) -> None:
    answer = as_admin.patch(address(admin), {"first_name": "Aminah", "role": "admin", "is_active": True})
    assert (answer.status_code, answer.json()["first_name"]) == (200, "Aminah")
