"""The hook that ends a process in the middle of its work (`PAYMENT_STEP_HOOK`, apps/payments/steps.py).

The environment names the file that names the step, so that one server can be told again and again where to die.
"""

import os
import signal
from pathlib import Path

ORDER = "KILL_ORDER"
HOOK = "tests.faults.killing.kill"


def kill(step: str) -> None:
    """Ends this process with SIGKILL at the ordered step; only the first to come there, and only once."""
    order = Path(os.environ[ORDER])
    try:
        if order.read_text() != step:
            return
        order.rename(killed(order))
    except FileNotFoundError:
        return
    killed(order).write_text(f"{os.getpid()} {step}")
    os.kill(os.getpid(), signal.SIGKILL)


def killed(order: Path) -> Path:
    """Where is told who died: its process and the step."""
    return order.with_suffix(".killed")
