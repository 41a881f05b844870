"""Signing in, and the guard in front of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from rest_framework.test import APIClient

from apps.core.clock import iso
from apps.users.models import AuthToken, LoginCounter, User
from apps.users.services import login_guard, sweep_sign_ins
from apps.users.tests.conftest import Clock, Login
from conftest import PASSWORD, make_user

pytestmark = pytest.mark.django_db
REFUSED = {"error": "The user name or the password is wrong.", "code": "invalid_credentials"}


def statuses(login: Login, username: str, tries: int, password: str = "guess", **options: str) -> list[int]:
    return [login(username, password, **options).status_code for _ in range(tries)]


def test_a_login_answers_token_expiry_and_user(login: Login, cashier: User, clock: Clock) -> None:
    answer = login("otieno")
    assert answer.status_code == 200
    body = answer.json()
    token = AuthToken.objects.get()
    assert body == {
        "token": body["token"],
        "expiry": iso(clock.moment + timedelta(hours=12)),
        "user": {
            "id": cashier.pk,
            "username": "otieno",
            "email": "",
            "first_name": "Otieno",
            "last_name": "Till",
            "role": "cashier",
            "phone_number": "",
            "is_active": True,
            "created_at": iso(cashier.created_at),
        },
    }
    assert (token.user, token.expiry) == (cashier, clock.moment + timedelta(hours=12))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {body['token']}")
    assert client.get("/api/auth/me/").json() == body["user"]


def test_nobody_learns_why_a_login_is_refused(login: Login, cashier: User) -> None:
    make_user("gone", is_active=False)
    for username, password in [
        ("nobody", PASSWORD),
        ("otieno", "wrong"),
        ("gone", PASSWORD),
        ("gone", "wrong"),
    ]:
        answer = login(username, password)
        assert (answer.status_code, answer.json()) == (401, REFUSED), username
    assert AuthToken.objects.count() == 0


@pytest.mark.parametrize("username", ["otieno", "gone", "nobody"])
def test_every_refusal_costs_one_hash(
    login: Login, cashier: User, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the time of an answer tells which names exist."""
    make_user("gone", is_active=False)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    assert login(username, "wrong").status_code == 401
    assert hashed == ["wrong"]


@pytest.mark.parametrize("username", ["otieno", "OTIENO", "Otieno", " otieno "])
def test_the_case_of_a_name_does_not_matter(login: Login, cashier: User, username: str) -> None:
    assert login(username).json()["user"]["id"] == cashier.pk


def test_the_password_is_taken_as_it_is(login: Login, cashier: User) -> None:
    for password in (PASSWORD.upper(), f" {PASSWORD}", f"{PASSWORD} "):
        assert login("otieno", password).status_code == 401


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, {"username": ["This field is required."], "password": ["This field is required."]}),
        ({"username": "otieno"}, {"password": ["This field is required."]}),
        ({"username": "", "password": "x"}, {"username": ["This field may not be blank."]}),
        ({"username": ["otieno"], "password": "x"}, {"username": ["Not a valid string."]}),
        (
            {"username": "o" * 151, "password": "x"},
            {"username": ["Ensure this field has no more than 150 characters."]},
        ),
    ],
)
def test_an_unusable_login_form(db: None, body: dict[str, Any], refused: dict[str, Any]) -> None:
    answer = APIClient().post("/api/auth/login/", body)
    assert (answer.status_code, answer.json()) == (400, refused)
    assert LoginCounter.objects.count() == 0


def test_a_bad_token_does_not_keep_anyone_from_signing_in(login: Login, cashier: User) -> None:
    assert login("otieno", Authorization="Token long-gone").status_code == 200


def test_five_wrong_passwords_close_the_name_for_a_quarter_of_an_hour(
    login: Login, cashier: User, clock: Clock
) -> None:
    assert statuses(login, "otieno", 5) == [401] * 5
    clock.forward(minutes=1)
    refused = login("otieno")
    assert refused.status_code == 429
    assert refused.json() == {
        "error": "Too many wrong passwords. Try again in 14 minutes, or ask an administrator.",
        "code": "too_many_attempts",
    }
    assert refused["Retry-After"] == "840"
    clock.forward(minutes=13, seconds=59)
    assert login("otieno").status_code == 429
    clock.forward(seconds=2)
    assert login("otieno").status_code == 200


def test_refused_attempts_do_not_prolong_the_pause(login: Login, cashier: User, clock: Clock) -> None:
    statuses(login, "otieno", 5)
    for _ in range(15):
        clock.forward(seconds=59)
        assert login("otieno").status_code == 429
    clock.forward(seconds=30)
    assert login("otieno").status_code == 200


def test_ten_wrong_passwords_close_the_name_for_two_hours(login: Login, cashier: User, clock: Clock) -> None:
    assert statuses(login, "otieno", 6) == [401] * 5 + [429]
    clock.forward(minutes=16)
    assert statuses(login, "otieno", 6) == [401] * 5 + [429]
    refused = login("otieno")
    assert (refused.status_code, refused["Retry-After"]) == (429, "7200")
    clock.forward(minutes=119)
    assert login("otieno").status_code == 429
    clock.forward(minutes=2)
    assert login("otieno").status_code == 200


def test_a_success_starts_the_count_afresh(login: Login, cashier: User) -> None:
    for _ in range(3):
        assert statuses(login, "otieno", 4) == [401] * 4
        assert login("otieno").status_code == 200


def test_a_day_of_silence_starts_the_count_afresh(login: Login, cashier: User, clock: Clock) -> None:
    statuses(login, "otieno", 10)
    clock.forward(hours=3)
    assert login("otieno", "guess").status_code == 401
    clock.forward(hours=25)
    assert statuses(login, "otieno", 6) == [401] * 5 + [429]
    assert login("otieno")["Retry-After"] == "900"


def test_unknown_and_inactive_names_are_closed_alike(login: Login) -> None:
    make_user("gone", is_active=False)
    for username in ("nobody", "gone"):
        assert statuses(login, username, 6) == [401] * 5 + [429]


def test_the_spelling_of_a_name_gives_no_further_guesses(login: Login, admin: User) -> None:
    """PostgreSQL's UPPER makes a plain I of the dotless ı, its LOWER a plain i of the dotted İ; Python does neither."""
    for spelling in ("amina", "AMINA", "AmInA", " amina "):
        assert login(spelling, "guess").status_code == 401
    assert [login(spelling).status_code for spelling in ("amına", "AMİNA")] == [401, 401]
    assert statuses(login, "amina", 2) == [401, 429]


def test_another_name_at_the_same_address_stays_open(login: Login, cashier: User, stranger: User) -> None:
    assert statuses(login, "otieno", 20)[5:] == [429] * 15
    assert login("wanjiru").status_code == 200


def test_a_name_is_closed_from_every_address(login: Login, cashier: User) -> None:
    for host in range(5):
        assert login("otieno", "guess", address=f"10.0.0.{host}").status_code == 401
    assert login("otieno", address="10.0.0.99").status_code == 429


def spray(login: Login, tries: int, address: str = "10.0.0.1") -> list[int]:
    """One guess at each of many names."""
    return [login(f"name{number}", "guess", address=address).status_code for number in range(tries)]


def test_fifty_wrong_passwords_close_an_address_but_not_to_names_it_knows(
    login: Login, cashier: User, stranger: User, clock: Clock
) -> None:
    assert login("otieno").status_code == 200  # the shop's router now knows this name
    assert spray(login, 51) == [401] * 50 + [429]
    refused = login("wanjiru")
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    assert login("otieno").status_code == 200
    assert login("OTIENO", "guess").status_code == 401
    assert login("wanjiru", address="10.0.0.2").status_code == 200
    clock.forward(minutes=16)
    assert login("wanjiru").status_code == 200


def test_a_known_name_is_forgotten_after_a_month(login: Login, cashier: User, clock: Clock) -> None:
    login("otieno")
    clock.forward(days=31)
    spray(login, 50)
    assert login("otieno").status_code == 429


def test_a_closed_address_does_not_use_up_a_name(login: Login, cashier: User) -> None:
    """A guesser whose address is closed cannot go on closing one name of the shop after the other."""
    spray(login, 50)
    assert statuses(login, "otieno", 9) == [429] * 9
    assert login("otieno", address="10.0.0.2").status_code == 200


def test_successes_do_not_fill_the_address(login: Login) -> None:
    for number in range(60):
        make_user(f"seller{number}")
        assert login(f"seller{number}").status_code == 200


def test_forwarded_addresses_are_not_believed(login: Login) -> None:
    for number in range(50):
        answer = login(f"name{number}", "guess", **{"X-Forwarded-For": f"203.0.113.{number}"})
        assert answer.status_code == 401
    assert login("name50", "guess", **{"X-Forwarded-For": "203.0.113.50"}).status_code == 429


def test_behind_a_proxy_only_what_the_proxy_wrote_is_believed(login: Login, settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    for number in range(50):
        forwarded = f"203.0.113.{number}, 198.51.100.7"
        assert login(f"name{number}", "guess", **{"X-Forwarded-For": forwarded}).status_code == 401
    assert login("name50", "guess", **{"X-Forwarded-For": "203.0.113.50, 198.51.100.7"}).status_code == 429
    assert login("name50", "guess", **{"X-Forwarded-For": "198.51.100.8"}).status_code == 401


def test_an_attempt_is_reserved_before_the_password_is_looked_at(
    login: Login, cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    check_password = User.check_password

    def looking(self: User, password: str) -> bool:
        seen.append(LoginCounter.objects.get(key=login_guard._key("user", "otieno")).attempts)
        return check_password(self, password)

    monkeypatch.setattr(User, "check_password", looking)
    assert statuses(login, "otieno", 7) == [401] * 5 + [429] * 2
    assert seen == [1, 2, 3, 4, 5]


def test_the_counters_do_not_tell_who_mistyped(login: Login, cashier: User) -> None:
    login("otieno", "guess")
    login("otieno")
    stored = " ".join(LoginCounter.objects.values_list("key", flat=True))
    assert LoginCounter.objects.count() == 2  # the address, and the name it knows
    assert "otieno" not in stored
    assert "10.0.0.1" not in stored


def test_sweeping_forgets_old_counters_and_expired_tokens(login: Login, cashier: User, clock: Clock) -> None:
    login("otieno")
    login("nobody", "guess")
    clock.forward(days=29)
    assert sweep_sign_ins() == 1  # the token
    clock.forward(days=2)
    assert sweep_sign_ins() == 3  # the address, the known name, the unknown name
    assert LoginCounter.objects.count() == 0


def test_an_administrators_new_password_opens_a_closed_name(
    login: Login, as_admin: APIClient, cashier: User
) -> None:
    statuses(login, "otieno", 6)
    changed = as_admin.patch(f"/api/users/{cashier.pk}/", {"password": "chai-na-mandazi-30"})
    assert changed.status_code == 200
    assert login("otieno", "chai-na-mandazi-30").status_code == 200
