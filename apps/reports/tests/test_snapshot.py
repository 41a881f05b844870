"""A report sees one moment, and can write nothing."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import InternalError, connection
from rest_framework.test import APIClient

from apps.payments.models import Payment
from apps.reports.selectors.snapshot import snapshot

Make = Callable[..., Any]


def elsewhere(work: Callable[[], Any]) -> None:
    """`work` on another connection."""

    def run() -> None:
        work()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_what_happens_meanwhile_is_not_seen(as_admin: APIClient, payment: Make) -> None:
    made = payment("116.00")
    with snapshot():
        before = Payment.objects.get().attention
        elsewhere(lambda: Payment.objects.filter(pk=made.pk).update(attention="New."))
        assert Payment.objects.get().attention == before == ""
        with pytest.raises(InternalError, match="read-only transaction"):
            Payment.objects.update(attention="Old.")
    assert Payment.objects.get().attention == "New."
    answer = as_admin.get("/api/reports/reconciliation/")
    assert answer.json()["totals"]["needs_attention"] == {"count": 1, "total": "116.00"}
    for export in ("csv", "xlsx"):
        file = as_admin.get(f"/api/reports/reconciliation/?export={export}")
        assert (file.status_code, len(b"".join(file.streaming_content)) > 500) == (200, True)
