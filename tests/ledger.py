"""The books, as `manage.py check_ledger` proves them.

`assert_ledgers_agree()` ends any test that moves goods or money. It reads one snapshot, so it may also run beside
the tills.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.reports.selectors.ledger import RULES, breaches, one_moment

USING = {"db", "transactional_db"}


def assert_ledgers_agree() -> None:
    """Stock, sales, payments and receipts tell one story."""
    found = disagreements()
    assert not found, found


def disagreements() -> dict[str, list[dict[str, Any]]]:
    """The rules that do not hold, each with the rows that break it."""
    with one_moment():
        found = {rule.name: list(breaches(rule)) for rule in RULES}
    return {rule: rows for rule, rows in found.items() if rows}


@pytest.fixture(autouse=True)
def closing_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """For a `conftest.py`: after every test with a database the books agree, unless it says that it breaks them."""
    uses_database = request.node.get_closest_marker("django_db") or USING.intersection(request.fixturenames)
    if uses_database:
        # First, so that the books are looked at when all the rest has been tidied up, before the tables are emptied.
        request.getfixturevalue("db")
    yield
    if not uses_database or request.node.get_closest_marker("may_break_the_books"):
        return
    if request.node.get_closest_marker("breaks_the_books"):
        assert disagreements()
    else:
        assert_ledgers_agree()
