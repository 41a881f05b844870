"""What the ground floor's tests use of the rooms above, by name only: the floor may not import them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

Post = Callable[..., Any]
SALES = "/api/sales/sales/"
MOVEMENTS = "/api/inventory/movements/"


@pytest.fixture
def count() -> Callable[[str], int]:
    """How many rows a model has: `count("sales.Sale")`."""
    return lambda name: apps.get_model(name)._default_manager.count()


@pytest.fixture
def add_stock(as_admin: APIClient) -> Post:
    """Posts a movement, with a key unless it is None: `add_stock(milk, 5, key="k-1")`."""

    def post(product: Any, quantity: object = 5, *, key: str | None = None, client: Any = as_admin) -> Any:
        body = {"product": product.pk, "movement_type": "purchase", "quantity": quantity}
        return client.post(MOVEMENTS, body, headers={} if key is None else {"Idempotency-Key": key})

    return post
