"""The real thing, to be broken: a PostgreSQL of its own, gunicorn with several workers, tills that keep a history.

    with a_database() as database, a_shop(database) as shop:
        with watched(database) as watcher, selling(shop) as tills:
            ...the fault...
        figures = compared(tills, database)
        figures.assert_nothing_lost()

Everything lives below the folder of the test run and is a process of its own; only the simulator, the tills and the
watcher are threads of the test.
"""

from tests.faults.harness.comparing import Figures, compared
from tests.faults.harness.database import DURABLE, Database, a_database
from tests.faults.harness.shop import Shop, a_shop
from tests.faults.harness.tills import Tills, selling
from tests.faults.harness.watcher import Watcher, watched

__all__ = [
    "DURABLE",
    "Database",
    "Figures",
    "Shop",
    "Tills",
    "Watcher",
    "a_database",
    "a_shop",
    "compared",
    "selling",
    "watched",
]
