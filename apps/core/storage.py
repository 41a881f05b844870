"""How tables are stored, as operations of migrations (docs/adr/0031-hot-path.md)."""

from collections.abc import Mapping

from django.db.migrations import RunSQL

# A row is written, and written again before its transaction ends or soon after. With room left on its page the new
# version stays there, and no index has to learn of it.
REWRITTEN_ONCE = "fillfactor = 60"
# A few rows that are written over and over: swept after so many changes, not after a share of the table.
HOT = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000"
# Rows are only added. After years a fifth of the table, the default, would be millions that no index-only scan sees and
# the planner knows nothing of.
LEDGER = (
    "autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_insert_threshold = 10000,"
    " autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 10000"
)


def stored(tables: Mapping[str, str]) -> RunSQL:
    """Sets the storage parameters of these tables; reversible."""
    return RunSQL(
        [f"ALTER TABLE {table} SET ({settings})" for table, settings in tables.items()],
        [f"ALTER TABLE {table} RESET ({_names(settings)})" for table, settings in tables.items()],
    )


def _names(settings: str) -> str:
    return ", ".join(setting.partition("=")[0].strip() for setting in settings.split(","))
