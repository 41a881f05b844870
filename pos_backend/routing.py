"""Which database the ORM speaks to: inside a report's snapshot the one that is read there, else the primary."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.reports.selectors.snapshot import alias


class ReportsRouter:
    """Reports on the replica, everything else on the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Also for a record that was read elsewhere: its relations are read where everything is read now."""
        return alias()

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """A snapshot's own database, too: it refuses to be written, where the primary would take it unnoticed."""
        return alias()

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        """The replica holds the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """The replica gets its tables by replication."""
        return db == DEFAULT_DB_ALIAS
