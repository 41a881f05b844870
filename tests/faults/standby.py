"""A streaming replica of the server that the tests run on, as an administrator would make it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from django.db import connection

from pos_backend.local.cluster import SUPERUSER, find_programs, last_lines, spawn
from pos_backend.local.postgres import LOCK_FILES, PORT, EmbeddedPostgres
from pos_backend.local.testing import FAST_AND_FORGETFUL, SERVER
from tests.concurrency.racing import ask, wait_until

# PostgreSQL asks for none on its socket; the test looks whether it is ever told.
PASSWORD = "siri-ya-nakala"
LOGGED = "?options=" + quote("-c log_statement=all")
# Numbers are not used again by the next test.
LAST_SALE = "SELECT max(id) FROM sales_sale"


@dataclass(frozen=True)
class Standby:
    """The replica's server; it may be stopped and started."""

    server: EmbeddedPostgres

    @property
    def url(self) -> str:
        """The database of the tests there; what is said to it stands in the server's log."""
        address = self.server.url(connection.settings_dict["NAME"])
        return address.replace(f"{SUPERUSER}@", f"{SUPERUSER}:{PASSWORD}@") + LOGGED

    def start(self) -> None:
        # It may not be smaller than the server that it follows. A report does not hold it up for long.
        self.server.start({**FAST_AND_FORGETFUL, "max_standby_streaming_delay": "1s"})

    def ask(self, query: str) -> Any:
        """The one value that `query` answers there."""
        with closing(psycopg2.connect(self.server.url(connection.settings_dict["NAME"]))) as there:
            there.autocommit = True
            with there.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()[0]

    def pause(self) -> None:
        """From now on it knows nothing new."""
        self.ask("SELECT pg_wal_replay_pause()::text")
        wait_until(lambda: self.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        self.ask("SELECT pg_wal_replay_resume()::text")

    def catch_up(self, query: str = LAST_SALE) -> None:
        """Waits until `query` is answered as on the primary."""
        wait_until(lambda: self.ask(query) == ask(query))


class Heard:
    """What a server was told since the last look, by those whose statements are logged."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._log = server.log
        self._seen = len(self._log.read_bytes())

    def news(self) -> str:
        whole = self._log.read_bytes()
        seen, self._seen = self._seen, len(whole)
        return whole[seen:].decode()


def primary() -> EmbeddedPostgres:
    if not SERVER:
        pytest.skip("a replica is made of the embedded server only")
    return SERVER[0].postgres


@contextmanager
def a_standby() -> Iterator[Standby]:
    """Below the folder of the tests' own server, with which it goes."""
    server = EmbeddedPostgres(primary().data_dir / "standby")
    copied(primary(), server)
    standby = Standby(server)
    try:
        standby.start()
        yield standby
    finally:
        server.stop()


def copied(source: EmbeddedPostgres, target: EmbeddedPostgres) -> None:
    """`pg_basebackup` by the account that runs the servers, with what the copy needs to follow."""
    account = target.prepare()
    command = [str(find_programs().folder / "bin" / "pg_basebackup"), "--write-recovery-conf", "--no-sync"]
    command += ["--checkpoint=fast", "--wal-method=stream", "--no-password", f"--pgdata={target.folder}"]
    command += [f"--host={source.socket_dir}", f"--port={PORT}", f"--username={SUPERUSER}"]
    target.folder.mkdir(mode=0o700)
    if account:
        os.chown(target.folder, account.uid, account.gid)
    process = spawn(command, account, PIPE)
    output, _ = process.communicate()
    assert process.returncode == 0, last_lines(output)
    # The socket lives among the data, so the lock on it was copied, too.
    (target.folder / LOCK_FILES[0]).unlink(missing_ok=True)
