"""The shop that the tests of bad input share."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from tests.contract.world import Shop


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[Shop]:
    """One for all tests here, because every request is undone."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    quick = override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True)
    with django_db_blocker.unblock(), quick, transaction.atomic():
        with connection.cursor() as cursor:
            # Between two requests more time may pass than a till is given.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield Shop()
        transaction.set_rollback(True)
