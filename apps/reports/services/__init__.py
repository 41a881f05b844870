"""Rolling up closed days."""

from apps.reports.services.rolling import close_days, last_closed_day, roll_up, roll_up_soon
from apps.reports.services.verifying import differences

__all__ = ["close_days", "differences", "last_closed_day", "roll_up", "roll_up_soon"]
