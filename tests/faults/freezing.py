"""The shop as a process that stops itself (SIGSTOP) in the middle of a transaction, once it is told to.

The file that `FREEZE_ORDER` names says which table's rows it must hold then. It stops just before it would commit, as
if the machine had taken its processor away, and writes who it is beside the file. Used as the application of a web
server, and by `python -m tests.faults.freezing` as a payments worker.
"""

import os
import signal
import time
from pathlib import Path

from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper

from pos_backend.wsgi import application

ORDER = "FREEZE_ORDER"
HELD = """
    SELECT count(*) FROM pg_locks
     WHERE pid = pg_backend_pid() AND relation = to_regclass(%s) AND mode IN ('RowShareLock', 'RowExclusiveLock')
"""
_commit = BaseDatabaseWrapper.commit


def frozen(order: Path) -> Path:
    """Where is told which process stands still."""
    return order.with_suffix(".frozen")


def freeze_or_commit(self: BaseDatabaseWrapper) -> None:
    order = Path(os.environ[ORDER])
    if order.exists() and _holds(self, order.read_text()):
        told = order.with_suffix(".taken")
        order.rename(told)  # only one gets it
        told.write_text(str(os.getpid()))
        told.rename(frozen(order))
        os.kill(os.getpid(), signal.SIGSTOP)
        # Another thread may be the one that takes the signal: this one must not commit until all stand still.
        time.sleep(1)
    _commit(self)


def _holds(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HELD, [table])
        return bool(cursor.fetchone()[0])


if ORDER in os.environ:
    BaseDatabaseWrapper.commit = freeze_or_commit  # type: ignore[method-assign]

if __name__ == "__main__":
    assert application, "Django is set up by it"
    call_command("payments_worker")
