"""The named steps of everything that leaves the process, so that a test can end it at each of them.

In production nothing listens. A test sets `PAYMENT_STEP_HOOK` to a function that takes the name of the step.
"""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

STEPS = (
    "charge recorded",
    "charge marked as sent",
    "charge sent",
    "charge applied",
    "query claimed",
    "query answered",
    "query applied",
    "callback stored",
    "callback applied",
    "refund approved",
    "refund marked as sent",
    "refund sent",
    "refund applied",
)


def reached(step: str) -> None:
    """Tells the hook, if a test has set one."""
    hook = _hook(settings.PAYMENT_STEP_HOOK)
    if hook is not None:
        hook(step)


@cache
def _hook(path: str) -> Callable[[str], None] | None:
    if not path:
        return None
    found: Callable[[str], None] = import_string(path)
    return found
