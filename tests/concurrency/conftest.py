"""After every race the books agree."""

from tests.ledger import closing_time

__all__ = ["closing_time"]
