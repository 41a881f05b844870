"""Whether the database was away or held up, as opposed to having refused something."""

import psycopg2
from django.db import DatabaseError, InterfaceError, OperationalError


def is_outage(error: Exception) -> bool:
    """Whether what failed may be tried again as it is.

    The driver tells of a connection that broke in the middle of a statement as a `DatabaseError` of no kind at times;
    Django raises that itself, too, but then the driver is not its cause.
    """
    broken = type(error) is DatabaseError and isinstance(error.__cause__, psycopg2.DatabaseError)
    return broken or isinstance(error, OperationalError | InterfaceError)
