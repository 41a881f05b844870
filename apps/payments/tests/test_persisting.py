"""What a gateway has said is written again when the database was away, and only then."""

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError

from apps.payments.services import persisting
from apps.payments.services.persisting import PAUSES, persistently


def broken_off() -> DatabaseError:
    """How the driver tells of a connection that broke in the middle of a statement, at times."""
    error = DatabaseError("server closed the connection unexpectedly")
    error.__cause__ = psycopg2.DatabaseError("server closed the connection unexpectedly")
    return error


class Writes:
    """Fails with each error in turn, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisting, "PAUSES", (0.0,) * len(PAUSES))


@pytest.mark.django_db(transaction=True)
def test_written_again_after_an_outage() -> None:
    write = Writes(OperationalError("away"), InterfaceError("closed"), broken_off())
    persistently(write)
    assert write.calls == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [IntegrityError("refused"), DatabaseError("no row"), ValueError("a bug")])
def test_what_was_refused_is_not_written_again(error: Exception) -> None:
    write = Writes(error)
    with pytest.raises(type(error)):
        persistently(write)
    assert write.calls == 1


@pytest.mark.django_db
def test_never_inside_somebody_elses_transaction() -> None:
    write = Writes(broken_off())
    with pytest.raises(DatabaseError):
        persistently(write)
    assert write.calls == 1
