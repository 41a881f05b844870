"""The web server: how it is started, and whether it is open."""

import http.client
import sys

from pos_backend.local.children import Program
from pos_backend.local.options import Options

WORKING_THREADS = 8
# Longer than clients keep an idle connection: what is sent on one while it is being closed is reset (ADR 0030).
KEPT = ("--keep-alive", "75")


def web_server(options: Options) -> Program:
    command = [sys.executable, "-m", "gunicorn", "pos_backend.wsgi:application", "--bind", options.bind]
    # Those who wait for an outcome hold a thread each; the others never have fewer than WORKING_THREADS.
    threads = WORKING_THREADS + options.waiters
    command += ["--workers", str(options.workers), "--worker-class", "gthread", "--threads", str(threads)]
    command += ["--timeout", "30", "--graceful-timeout", "20", *KEPT, "--log-level", "warning"]
    # Its control socket would be put into the home folder, which need not exist.
    command += ["--no-control-socket"]
    if options.access_log:
        command += ["--access-logfile", "-"]
        command += ["--logger-class", "pos_backend.local.access_log.MaskingLogger"]
    return Program("The web server", tuple(command))


def health(host: str, port: int) -> int | None:
    """The status of the answer at /healthz/, or None without one."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz/", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
