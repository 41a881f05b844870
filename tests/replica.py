"""A replica for the requests of this process: another connection, under the name that reports read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.reports.selectors import snapshot
from apps.reports.selectors.snapshot import REPLICA


@contextmanager
def a_replica(**place: Any) -> Iterator[BaseDatabaseWrapper]:
    """The database of the tests, or the one at `place`: `a_replica(HOST="127.0.0.1", PORT="1")`.

    Tests are allowed one database, so it says that it is the default one. Reports that begin inside a transaction
    do not go there.
    """
    replica = connection.copy()
    replica.settings_dict.update(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.DATABASES, REPLICA, replica.settings_dict)
        patch.setattr(snapshot, "rest", snapshot._Rest())
        connections[REPLICA] = replica
        try:
            yield replica
        finally:
            replica.close()
            del connections[REPLICA]
