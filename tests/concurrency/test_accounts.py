"""Guessing in parallel, and administrators who remove each other."""

from collections.abc import Callable
from itertools import count

import pytest
from django.db.models import F
from django.http import HttpResponse
from django.utils import timezone

from apps.users import services
from apps.users.errors import TooManyAttempts
from apps.users.models import LoginCounter, User
from apps.users.services import login_guard
from conftest import PASSWORD, make_user
from tests.concurrency.racing import Overtaking, meeting_of, outcome, outcomes, race, together, unlocked
from tests.concurrency.shop import tills
from tests.figures import show
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db(transaction=True)
GUESSERS = 64
ROUNDS = 20


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Says how many passwords have been looked at."""
    turn, check = count(), User.check_password

    def counted(user: User, password: str) -> bool:
        next(turn)
        return check(user, password)

    monkeypatch.setattr(User, "check_password", counted)
    return lambda: next(turn)


def _guess_at_once(username: str, guessers: int = GUESSERS) -> list[HttpResponse]:
    body = {"username": username, "password": "not-the-password"}
    devices = tills(None, guessers)
    return race(guessers, lambda i: devices[i].post("/api/auth/login/", body))


def test_control_counting_after_the_check_lets_every_guess_through(
    cashier: User, checked: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_guard, "reserve", _look_then_count())

    answers = _guess_at_once(cashier.username)

    assert outcomes(answers) == {(401, "invalid_credentials"): GUESSERS}
    assert checked() == GUESSERS
    assert LoginCounter.objects.get().attempts == GUESSERS


def _look_then_count() -> Callable[[str, str], None]:
    """The guard as it is usually written: look at the counter, then raise it."""
    meeting = meeting_of(GUESSERS)

    def reserve(username: str, address: str) -> None:
        counters = LoginCounter.objects.filter(key=login_guard._key("user", username))
        counter = counters.first()
        meeting.wait()
        if counter and counter.attempts >= login_guard.PER_USER.allowance:
            raise TooManyAttempts("Too many wrong passwords.")
        new = LoginCounter(key=login_guard._key("user", username), updated_at=timezone.now())
        LoginCounter.objects.bulk_create([new], ignore_conflicts=True)
        counters.update(attempts=F("attempts") + 1)

    return reserve


def test_five_of_many_parallel_guesses_are_looked_at(cashier: User, checked: Callable[[], int]) -> None:
    answers = _guess_at_once(cashier.username)

    assert outcomes(answers) == {(401, "invalid_credentials"): 5, (429, "too_many_attempts"): GUESSERS - 5}
    waits = {int(answer.headers["Retry-After"]) for answer in answers if answer.status_code == 429}
    assert all(890 <= wait <= 900 for wait in waits)
    assert checked() == 5
    assert_ledgers_agree()
    show("C18", "wrong passwords at once, limit 5", f"{GUESSERS} guesses", "5 passwords looked at")


def test_control_without_waiting_some_of_many_right_sign_ins_are_refused(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, reserve = meeting_of(10), login_guard.reserve

    def reserve_and_wait_for_all(username: str, address: str) -> None:
        try:
            reserve(username, address)
        finally:
            meeting.wait()

    monkeypatch.setattr(login_guard, "WAITS", (0,))
    monkeypatch.setattr(login_guard, "reserve", reserve_and_wait_for_all)

    answers = _sign_in_at_once(cashier, 10)

    assert outcomes(answers) == {(200, None): 5, (429, "too_many_attempts"): 5}


def test_many_tills_that_open_at_the_same_moment_are_all_let_in(cashier: User) -> None:
    assert outcomes(_sign_in_at_once(cashier, 24)) == {(200, None): 24}


def _sign_in_at_once(user: User, count: int) -> list[HttpResponse]:
    body, devices = {"username": user.username, "password": PASSWORD}, tills(None, count)
    return race(count, lambda i: devices[i].post("/api/auth/login/", body))


def test_an_unknown_name_is_closed_in_the_same_way(db: None) -> None:
    answers = _guess_at_once("nobody-of-this-name", 16)

    assert outcomes(answers) == {(401, "invalid_credentials"): 5, (429, "too_many_attempts"): 11}


def _remove_each_other(one: User, other: User) -> list[HttpResponse]:
    """Both are administrators and signed in when it begins."""
    User.objects.filter(pk__in=[one.pk, other.pk]).update(is_active=True)
    devices, victims = tills(one, 1) + tills(other, 1), [other, one]
    return race(2, lambda i: devices[i].delete(f"/api/users/{victims[i].pk}/"))


def _administrators() -> int:
    return User.objects.filter(role="admin", is_active=True).count()


@pytest.fixture
def both_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both requests have passed the door before either acts: who comes later finds the token dead (401)."""
    monkeypatch.setattr(services, "deactivate_user", together(meeting_of(2), services.deactivate_user))


@pytest.mark.usefixtures("both_let_in")
def test_control_without_the_lock_no_administrator_is_left(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_user("baraka", "admin")
    monkeypatch.setattr("apps.users.services.accounts.locked", unlocked(2))

    answers = _remove_each_other(admin, other)

    assert outcomes(answers) == {(204, None): 2}
    assert _administrators() == 0


@pytest.mark.usefixtures("both_let_in")
def test_of_two_administrators_who_remove_each_other_one_stays(admin: User) -> None:
    other = make_user("baraka", "admin")
    for _ in range(ROUNDS):
        answers = _remove_each_other(admin, other)

        assert outcomes(answers) == {(204, None): 1, (409, "last_admin"): 1}
        assert _administrators() == 1
    assert_ledgers_agree()


def test_who_was_removed_before_the_door_can_remove_nobody(admin: User) -> None:
    other = make_user("baraka", "admin")
    for _ in range(5):
        answers = _remove_each_other(admin, other)

        refused = {outcome(answer) for answer in answers if answer.status_code != 204}
        assert len(refused) == 1
        assert refused <= {(409, "last_admin"), (401, "invalid_token")}
        assert _administrators() == 1
    assert_ledgers_agree()


def test_a_password_that_was_reset_meanwhile_is_not_changed_by_who_knew_the_old_one(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator takes a stolen account back: a request on its way must not take it again."""
    (thief,), (rescuer,) = tills(cashier, 1), tills(admin, 1)
    wanted = {"old_password": PASSWORD, "new_password": "the-thief-was-faster-9"}
    overtaking = Overtaking()
    monkeypatch.setattr(services, "change_password", overtaking.held_up(services.change_password))

    changed, rescued = overtaking.run(
        lambda: thief.post("/api/auth/password/", wanted),
        lambda: rescuer.patch(f"/api/users/{cashier.pk}/", {"password": "ours-again-for-good-3"}),
    )

    assert outcome(rescued) == (200, None)
    cashier.refresh_from_db()
    assert cashier.check_password("ours-again-for-good-3")
    assert changed.status_code in (400, 401, 409)
