"""What a load balancer asks: does the process answer, and can it do its work."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and has every migration."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return _not_ready("The database does not answer.")
    if missing:
        return _not_ready(f"{len(missing)} migrations are missing. Run `manage.py migrate`.")
    return JsonResponse({"status": "ok", "database": "ok", "migrations": "ok"})


def _not_ready(sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence, "code": "not_ready"}, status=503)
