"""Before, during and after every race the books agree."""

from tests.ledger import closing_time
from tests.watching import watched

__all__ = ["closing_time", "watched"]
