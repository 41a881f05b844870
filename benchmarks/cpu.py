"""How much processor time a server has used, with all its processes."""

import contextlib

import psutil
from psycopg2.extensions import connection as Connection

LOOPBACK = ("127.0.0.1", "::1")


def cpu_seconds(root: psutil.Process) -> float:
    """User and system time of a process and everything below it, what has ended included."""
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def postmaster(connection: Connection) -> psutil.Process | None:
    """The process above all of PostgreSQL's, or None when it runs on another machine or in a container."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), host(inet_server_addr())")
        pid, address = cursor.fetchone() or (0, "unknown")
    if address is not None and address not in LOOPBACK:
        return None
    with contextlib.suppress(psutil.Error):
        backend = psutil.Process(pid)
        parent = backend.parent()
        if parent and backend.name().startswith("postgres") and parent.name().startswith("postgres"):
            return parent
    return None
