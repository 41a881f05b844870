"""Rolling up closed days."""

from apps.reports.services.rolling import (
    close_day,
    forget_everything,
    missing_days,
    roll_up,
    roll_up_if_due,
    roll_up_soon,
)
from apps.reports.services.verifying import Difference, differences

__all__ = [
    "Difference",
    "close_day",
    "differences",
    "forget_everything",
    "missing_days",
    "roll_up",
    "roll_up_if_due",
    "roll_up_soon",
]
