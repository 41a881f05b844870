"""Reading the ledger of stock."""

from django.db.models import QuerySet

from apps.inventory.models import Movement


def movements() -> QuerySet[Movement]:
    """All movements with what a list shows of them, in one statement."""
    return Movement.objects.select_related("product", "created_by")
