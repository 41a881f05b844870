"""What a load balancer asks: does the process answer, and can it do its work."""

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from apps.core.clock import TOLERANCE, ahead
from pos_backend.safety import unsafe_database


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers, has every migration, and keeps what it was told."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        unsafe = list(unsafe_database())
        difference = ahead()
    except (DatabaseError, InterfaceError):
        return _not_ready("The database does not answer.")
    if missing:
        return _not_ready(f"{len(missing)} migrations are missing. Run `manage.py migrate`.")
    if unsafe:
        return _not_ready(" ".join(unsafe))
    if abs(difference) > TOLERANCE:
        return _not_ready(
            f"This server's clock is {difference.total_seconds():+.0f} s off the database's. Set it right."
        )
    return JsonResponse({"status": "ok", "database": "ok", "migrations": "ok"})


def _not_ready(sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence, "code": "not_ready"}, status=503)
