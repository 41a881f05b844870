"""A primary and its standby, which take turns: the one fails, the other is promoted, the first is made anew."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from pos_backend.local.cluster import SUPERUSER
from pos_backend.local.postgres import DEFAULT_DATABASE, PORT, EmbeddedPostgres
from tests.concurrency.racing import wait_until
from tests.faults.harness.database import Database, a_database, fresh_folder, remove
from tests.faults.standby import copied

PATIENCE = 60.0
BOTH = {"target_session_attrs": "read-write"}
IN_STEP = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = %s"


@dataclass
class Pair(Database):
    """`server` is the primary; `address` names both, and libpq finds the one that can be written to."""

    standby: EmbeddedPostgres = field(kw_only=True)
    synchronous: bool = field(kw_only=True)

    def follow(self) -> None:
        """Makes the standby of the primary, which may be selling meanwhile, and waits until it is in step."""
        shutil.rmtree(self.standby.folder, ignore_errors=True)
        self.standby.data_dir.mkdir(exist_ok=True)
        # What a shop's folder has: without it and without data it would be taken for somebody else's.
        (self.standby.data_dir / "lock").touch()
        copied(self.server, self.standby)
        with (self.standby.folder / "postgresql.auto.conf").open("a") as told:
            # A copy of the primary's: once promoted it would wait for a standby that it does not have yet.
            told.write("synchronous_standby_names = ''\n")
        self.standby.start(self.settings)
        wait_until(lambda: self.ask(IN_STEP, "async") == 1, PATIENCE)
        if self.synchronous:
            self.rows("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.rows("SELECT pg_reload_conf()")
            wait_until(lambda: self.ask(IN_STEP, "sync") == 1, PATIENCE)

    def cut_off(self) -> None:
        """From now on the standby hears nothing more of the primary."""
        there = Database(self.standby)
        there.rows("ALTER SYSTEM SET primary_conninfo = ''")
        there.rows("SELECT pg_reload_conf()")
        wait_until(lambda: there.ask("SELECT count(*) FROM pg_stat_wal_receiver") == 0, PATIENCE)

    def fail_over(self) -> None:
        """The primary dies and cannot come back; then the standby is promoted."""
        self.crash()
        shutil.rmtree(self.server.folder)
        self.server, self.standby = self.standby, self.server
        self.rows("SELECT pg_promote(true, 60)")


@contextmanager
def a_pair(synchronous: bool) -> Iterator[Pair]:
    with a_database() as first:
        pair = Pair(
            first.server,
            first.settings,
            standby=EmbeddedPostgres(fresh_folder()),
            synchronous=synchronous,
        )
        places = (pair.server, pair.standby)
        hosts = {"host": ",".join(str(place.folder) for place in places), "port": PORT}
        pair.address = f"postgresql://{SUPERUSER}@/{DEFAULT_DATABASE}?{urlencode({**hosts, **BOTH})}"
        try:
            pair.follow()
            yield pair
        finally:
            for place in places:
                remove(place)
