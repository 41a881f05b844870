"""What the models ask of the database is there, whatever migrations did on the way."""

import pytest
from django.apps import apps
from django.db import connection


@pytest.mark.django_db
def test_every_constraint_and_index_of_the_models_is_there() -> None:
    """Django drops a unique index of one column along with the plain one when `db_index` goes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint UNION SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
        )
        there = {name for (name,) in cursor.fetchall()}
    wanted = {
        part.name
        for model in apps.get_models()
        if model.__module__.startswith("apps.")
        for part in (*model._meta.constraints, *model._meta.indexes)
    }
    assert wanted - there == set()
    assert len(wanted) > 80


@pytest.mark.django_db
def test_ledgers_are_vacuumed_and_rewritten_rows_have_room() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, array_to_string(reloptions, ' ') FROM pg_class WHERE reloptions IS NOT NULL"
        )
        options = dict(cursor.fetchall())
    assert options["core_idempotencykey"] == "fillfactor=60"
    assert "autovacuum_analyze_scale_factor=0.01" in options["sales_saleitem"]
    assert "fillfactor=50" in options["sales_receiptcounter"]
