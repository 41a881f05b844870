"""A shop for the faults: in this process as in the stories, or in processes that can be killed."""

from collections.abc import Iterator

import pytest

from tests.faults.processes import House, a_house
from tests.journeys.conftest import closing_time, own_role, roles, simulator, till
from tests.watching import watched

__all__ = ["built_house", "closing_time", "house", "own_role", "roles", "simulator", "till", "watched"]


@pytest.fixture(scope="session")
def built_house(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(transactional_db: None, built_house: House) -> Iterator[House]:
    """Nothing remembered of the test before."""
    built_house.simulator.reset()
    built_house.order.unlink(missing_ok=True)
    yield built_house
    built_house.simulator.switch_callbacks(False)
    built_house.simulator.settle()
