"""Has everything loaded and forks a process for each worker that is called for: a hundredth of the time to start one.

It reads a line from standard input, `hooked`, `plain` or `doomed:0.25` and the arguments, and answers with the process
that `manage.py payments_worker` was, and how it ended. A doomed one is killed after so many seconds, whatever it does.
"""

import os
import signal
import sys
import time

from django.conf import settings
from django.core.management import call_command, load_command_class

from pos_backend.wsgi import application
from tests.faults.killing import HOOK

LONGEST = 30


def serve() -> None:
    load_command_class("apps.payments", "payments_worker")
    for line in sys.stdin:
        kind, *arguments = line.split()
        process = os.fork()
        if process == 0:
            _work(kind == "hooked", arguments)
        if kind.startswith("doomed:"):
            time.sleep(float(kind.partition(":")[2]))
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        print(process, os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


def _work(hooked: bool, arguments: list[str]) -> None:
    """The child: never comes back."""
    code = 1
    try:
        signal.alarm(LONGEST)
        settings.PAYMENT_STEP_HOOK = HOOK if hooked else ""
        call_command("payments_worker", *arguments)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    assert application, "Django is set up by it"
    serve()
