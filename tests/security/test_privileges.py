"""Prices that no cashier changes, and an empty shop that nobody can take (S4, S5)."""

from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from apps.sales.models import Sale
from apps.users.models import User
from conftest import stock_product
from tests.figures import show
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
SALES = "/api/sales/sales/"


def test_a_cashier_changes_no_price_and_gives_no_more_than_allowed(
    as_cashier: APIClient, as_admin: APIClient
) -> None:
    milk = stock_product("Juice", "100.00", stock=20, sku="JUICE-S4")

    def sell(client: APIClient, discount: str = "0", line: str = "0", **smuggled: Any) -> Any:
        item = {"product": milk.pk, "quantity": 1, "discount": line, **smuggled}
        return client.post(SALES, {"items": [item], "discount": discount, **smuggled})

    refused = [
        sell(as_cashier, discount="10.01"),
        sell(as_cashier, line="10.01"),
        sell(as_cashier, discount="5.01", line="5.00"),
        sell(as_cashier, discount="100.00"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (403, "discount_not_allowed")
    ] * 4
    assert sell(as_cashier, discount="-1").status_code == sell(as_cashier, line="-1").status_code == 400
    assert not Sale.objects.exists()

    allowed = [sell(as_cashier, "10.00"), sell(as_cashier, line="10.00"), sell(as_cashier, "4.00", "6.00")]
    assert [answer.json()["total"] for answer in allowed] == ["90.00"] * 3
    lies = {
        "unit_price": "1.00",
        "total": "1.00",
        "tax_rate": "0.00",
        "subtotal": "1.00",
        "tax_amount": "0.00",
    }
    cheated = sell(as_cashier, **lies).json()
    assert (cheated["total"], cheated["items"][0]["unit_price"]) == ("100.00", "100.00")
    assert cheated["items"][0]["tax_rate"] == "16.00"
    assert sell(as_admin, "99.00").json()["total"] == "1.00"
    assert_ledgers_agree()
    show("S4", "discounts above the limit, prices and totals of the client", "11 sales", "0 taken")


# --- The first administrator (S5) -----------------------------------------------------------------------------


def test_an_empty_shop_belongs_to_nobody(as_nobody: APIClient) -> None:
    """The first administrator is made at the command line; no address makes one, however empty the shop is."""
    assert not User.objects.exists()
    person = {"username": "mallory", "password": "maziwa-na-mkate-27", "role": "admin"}
    for path in ("/api/auth/register/", "/api/users/"):
        assert as_nobody.post(path, person).status_code == 401
    assert as_nobody.post("/api/auth/login/", person).status_code == 401
    assert as_nobody.post("/admin/login/", person).status_code == 200
    assert not User.objects.exists()

    call_command("createsuperuser", "--noinput", username="amina", email="amina@example.com")
    (first,) = User.objects.all()
    assert (first.username, first.role, first.has_usable_password()) == ("amina", "admin", False)
    show("S5", "registration without a sign-in, also in an empty shop", "4 addresses", "0 people made")
