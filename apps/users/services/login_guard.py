"""Guessing is stopped by *reserving* an attempt, committed before the password is looked at.

Checking first and counting afterwards lets 64 parallel guesses through a limit of 5. Here each attempt is one
upsert on one row, so the row's lock puts parallel guesses in line and the sixth is refused.

Three counters: the user name (5 wrong passwords close it for 15 minutes, 10 for 2 hours), the address (50 wrong
passwords close it for 15 minutes), and names that have signed in from an address before, which an address's
lock does not touch: one guesser behind the shop's router does not lock the shop out.
"""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from apps.users.errors import TooManyAttempts
from apps.users.models import LoginCounter


@dataclass(frozen=True)
class Limit:
    """`allowance` attempts, then a pause; from twice the allowance on, the long pause. Forgotten after a day."""

    allowance: int
    pause: timedelta
    long_pause: timedelta


PER_USER = Limit(5, timedelta(minutes=15), timedelta(hours=2))
PER_ADDRESS = Limit(50, timedelta(minutes=15), timedelta(minutes=15))
FORGET_AFTER = timedelta(days=1)
KNOWN_FOR = timedelta(days=30)
UNDER_WAY = timedelta(seconds=3)
WAITS = (0.1, 0.2, 0.3, 0.4, *[0.5] * 8)

RESERVE = """
    INSERT INTO users_logincounter AS c (key, attempts, updated_at) VALUES (%(key)s, 1, %(now)s)
    ON CONFLICT (key) DO UPDATE
       SET attempts = CASE WHEN c.updated_at < %(forgotten)s THEN 1 ELSE c.attempts + 1 END, updated_at = %(now)s
     WHERE c.attempts %% %(allowance)s <> 0
        OR c.attempts = 0
        OR c.updated_at < CASE WHEN c.attempts >= 2 * %(allowance)s THEN %(long)s ELSE %(short)s END
    RETURNING attempts
"""

GIVE_BACK = """
    UPDATE users_logincounter SET attempts = attempts - 1
     WHERE key = %s AND attempts > 0 AND (attempts = 1 OR (attempts - 1) %% %s <> 0)
"""


def reserve(username: str, address: str) -> None:
    """Takes one attempt from the user name and the address, or raises `TooManyAttempts`."""
    now = timezone.now()
    name = _key("user", username)
    _take(name, PER_USER, now)
    if _is_known(username, address, now):
        return
    try:
        _take(_key("address", address), PER_ADDRESS, now)
    except TooManyAttempts:
        # No password was looked at: a closed address must not go on to close one name after the other.
        _give_back(name, PER_USER)
        raise


def release(username: str, address: str) -> None:
    """The password was right: the name starts afresh, the address gets its attempt back and knows the name."""
    now = timezone.now()
    unlock(username)
    if not _is_known(username, address, now):
        _give_back(_key("address", address), PER_ADDRESS)
    known = LoginCounter(key=_known(username, address), updated_at=now)
    LoginCounter.objects.bulk_create(
        [known], update_conflicts=True, unique_fields=["key"], update_fields=["updated_at"]
    )


def unlock(username: str) -> None:
    """An administrator gave a new password: the name starts afresh."""
    LoginCounter.objects.filter(key=_key("user", username)).delete()


def forget_old_attempts() -> int:
    """Deletes counters that count no longer; returns how many."""
    return LoginCounter.objects.filter(updated_at__lt=timezone.now() - KNOWN_FOR).delete()[0]


def _take(key: str, limit: Limit, now: datetime) -> None:
    # Attempts that are just being checked may succeed and clear the counter: many tills open at the same minute.
    # Refused attempts do not renew the counter's time, so a guesser is kept waiting for a moment only.
    for seconds in WAITS:
        if _reserved(key, limit, now):
            return
        if LoginCounter.objects.filter(key=key, updated_at__lte=timezone.now() - UNDER_WAY).exists():
            break
        time.sleep(seconds)
    raise _refusal(key, limit, now)


def _reserved(key: str, limit: Limit, now: datetime) -> bool:
    values: dict[str, str | int | datetime] = {
        "key": key,
        "now": now,
        "allowance": limit.allowance,
        "short": now - limit.pause,
        "long": now - limit.long_pause,
        "forgotten": now - FORGET_AFTER,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, values)
        return cursor.fetchone() is not None


def _refusal(key: str, limit: Limit, now: datetime) -> TooManyAttempts:
    counter = LoginCounter.objects.filter(key=key).first()
    pause = limit.long_pause if counter and counter.attempts >= 2 * limit.allowance else limit.pause
    until = (counter.updated_at if counter else now) + pause
    seconds = max(1, round((until - now).total_seconds()))
    return TooManyAttempts(
        f"Too many wrong passwords. Try again in {-(-seconds // 60)} minutes, or ask an administrator.",
        headers={"Retry-After": str(seconds)},
    )


def _give_back(key: str, limit: Limit) -> None:
    # Never back on to a multiple of the allowance: that is where the pause begins.
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, [key, limit.allowance])


def _is_known(username: str, address: str, now: datetime) -> bool:
    return LoginCounter.objects.filter(
        key=_known(username, address), updated_at__gte=now - KNOWN_FOR
    ).exists()


def _known(username: str, address: str) -> str:
    return _key("known", f"{username.casefold()}@{address}")


def _key(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value.casefold()}".encode()).hexdigest()
