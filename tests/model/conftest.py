"""The books agree after every test, and in every snapshot while it runs."""

from tests.ledger import closing_time
from tests.watching import watched

__all__ = ["closing_time", "watched"]
