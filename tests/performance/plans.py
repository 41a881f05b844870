"""What a request asked of the database, and how the database goes about it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

# They grow with every product, sale or request; the others stay short, and reading them whole is the shortest way.
LARGE = {
    "core_idempotencykey",
    "inventory_movement",
    "payments_gatewaycallback",
    "payments_payment",
    "products_product",
    "products_stocklevel",
    "sales_sale",
    "sales_saleitem",
    "users_authtoken",
}
_PLANNED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_MARKS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SET TRANSACTION")


def asked(captured: CaptureQueriesContext) -> list[str]:
    """The statements, without the marks of a transaction's beginning and end."""
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(_MARKS)]


def whole_reads(statement: str) -> set[str]:
    """The large tables that the database would read from beginning to end."""
    if not _PLANNED.match(statement):
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        (answer,) = cursor.fetchone()
    plan = answer if isinstance(answer, list) else json.loads(answer)
    return {node["Relation Name"] for node in _nodes(plan[0]["Plan"]) if _may_read_all(node)} & LARGE


def _may_read_all(node: dict[str, Any]) -> bool:
    """A table read as it lies, or in the order of an index until enough rows happen to match."""
    if node["Node Type"] in {"Index Scan", "Index Only Scan"}:
        return "Filter" in node and "Index Cond" not in node
    return bool(node["Node Type"] == "Seq Scan")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
