"""Payments at the till: cash, split cash, transfers, and methods that are not set up."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.payments.models import Payment
from apps.payments.states import MOVES, Status, may_move
from apps.products.models import Product

pytestmark = pytest.mark.django_db
URL = "/api/payments/payments/"
Shelf = Callable[..., Product]


@pytest.fixture
def sale(as_cashier: APIClient, shelf: Shelf) -> dict[str, Any]:
    """A pending sale of 116.00."""
    body = {"items": [{"product": shelf(price="116.00").pk, "quantity": 1}]}
    return as_cashier.post("/api/sales/sales/", body).json()


def pay(
    client: APIClient, sale: dict[str, Any], amount: object, method: str = "cash", **fields: object
) -> Any:
    return client.post(f"{URL}initiate/", {"sale": sale["id"], "method": method, "amount": amount, **fields})


def shown(client: APIClient, sale: dict[str, Any]) -> dict[str, Any]:
    return client.get(f"/api/sales/sales/{sale['id']}/").json()


def test_cash_with_change(as_cashier: APIClient, sale: dict[str, Any], cashier: Any) -> None:
    answer = pay(as_cashier, sale, "116.00", amount_tendered="200.00")
    assert answer.status_code == 201
    payment = answer.json()
    expected = {
        "sale": sale["id"],
        "sale_number": sale["sale_number"],
        "method": "cash",
        "amount": "116.00",
        "amount_tendered": "200.00",
        "change": "84.00",
        "amount_refunded": "0.00",
        "status": "success",
        "external_reference": None,
        "initiated_by": cashier.pk,
        "initiated_by_name": "Otieno Till",
        "error_code": "",
    }
    assert {name: payment[name] for name in expected} == expected
    assert payment["completed_at"] == payment["initiated_at"]
    paid = shown(as_cashier, sale)
    assert (paid["status"], paid["receipt_number"], paid["change"]) == ("completed", "000001", "84.00")
    assert paid["payments"] == [payment]


def test_split_cash(as_cashier: APIClient, sale: dict[str, Any]) -> None:
    assert pay(as_cashier, sale, 50).json()["change"] == "0.00"
    half = shown(as_cashier, sale)
    assert (half["payment_status"], half["balance_due"], half["status"]) == ("partial", "66.00", "pending")
    too_much = pay(as_cashier, sale, "66.01")
    assert (too_much.status_code, too_much.json()) == (400, {"amount": ["Only 66.00 is still to be paid."]})
    assert pay(as_cashier, sale, "66", amount_tendered=100).json()["change"] == "34.00"
    paid = shown(as_cashier, sale)
    assert (paid["status"], paid["amount_paid"], paid["change"], paid["payment_method"]) == (
        "completed",
        "116.00",
        "34.00",
        "Cash",
    )
    assert [payment["amount"] for payment in paid["payments"]] == ["50.00", "66.00"]
    assert pay(as_cashier, sale, 1).json()["code"] == "sale_completed"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "0.00"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": "116.01"}, "amount"),
        ({"amount_tendered": "115.99"}, "amount_tendered"),
        ({"method": "cheque"}, "method"),
        ({"method": "bank", "amount_tendered": "200.00"}, "amount_tendered"),
        ({"method": "mpesa"}, "phone_number"),
        ({"sale": "x"}, "sale"),
        ({"paid": True}, "paid"),
    ],
)
def test_refusals(as_cashier: APIClient, sale: dict[str, Any], fields: dict[str, Any], field: str) -> None:
    answer = as_cashier.post(
        f"{URL}initiate/", {"sale": sale["id"], "method": "cash", "amount": "116.00", **fields}
    )
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Payment.objects.exists()
    assert shown(as_cashier, sale) == sale


def test_status_and_money_are_not_the_clients(as_cashier: APIClient, sale: dict[str, Any]) -> None:
    answer = pay(
        as_cashier, sale, "16.00", "bank", status="success", amount_refunded="16.00", change="100.00"
    )
    assert (answer.json()["status"], answer.json()["change"]) == ("pending", "0.00")
    assert shown(as_cashier, sale)["amount_paid"] == "0.00"


@pytest.mark.parametrize(
    ("method", "name"), [("mpesa", "M-Pesa"), ("airtel", "Airtel Money"), ("card", "Card payment")]
)
def test_a_method_without_credentials_says_so(
    as_cashier: APIClient, sale: dict[str, Any], method: str, name: str
) -> None:
    answer = pay(as_cashier, sale, "116.00", method, phone_number="0712 345 678")
    assert answer.status_code == 503
    assert answer.json() == {
        "error": f"{name} is not set up in this shop. Take cash or another method.",
        "code": "gateway_not_configured",
    }
    assert not Payment.objects.exists()


def test_a_transfer_waits_for_an_administrator(
    as_cashier: APIClient, as_admin: APIClient, sale: dict[str, Any], admin: Any
) -> None:
    transfer = pay(as_cashier, sale, "100.00", "bank", account_number="01-23").json()
    assert (transfer["status"], transfer["account_number"]) == ("pending", "01-23")
    held = pay(as_cashier, sale, "16.01")
    assert (held.status_code, held.json()["code"]) == (409, "payment_in_progress")
    assert pay(as_cashier, sale, "16.00").status_code == 201
    assert as_cashier.get(f"{URL}pending/").json()["results"] == [transfer]
    address = f"{URL}{transfer['id']}/"
    assert as_cashier.post(f"{address}confirm/", {"reference": "FT1"}).status_code == 403
    assert as_admin.post(f"{address}confirm/", {}).status_code == 400
    confirmed = as_admin.post(f"{address}confirm/", {"reference": "FT1"}).json()
    assert (confirmed["status"], confirmed["external_reference"]) == ("success", "FT1")
    assert confirmed["metadata"] == {"confirmed_by_hand": "Amina Admin"}
    assert Payment.objects.get(pk=transfer["id"]).confirmed_by == admin
    again = as_admin.post(f"{address}confirm/", {"reference": "FT2"})
    assert (again.status_code, again.json()["code"]) == (409, "payment_not_confirmable")
    paid = shown(as_cashier, sale)
    assert (paid["status"], paid["payment_method"], paid["amount_paid"]) == (
        "completed",
        "Cash + Bank transfer",
        "116.00",
    )


def test_a_reference_is_usable_once(as_cashier: APIClient, as_admin: APIClient, sale: dict[str, Any]) -> None:
    first, second = (pay(as_cashier, sale, 50, "bank").json() for _ in range(2))
    assert as_admin.post(f"{URL}{first['id']}/confirm/", {"reference": "FT1"}).status_code == 200
    used = as_admin.post(f"{URL}{second['id']}/confirm/", {"reference": "FT1"})
    assert (used.status_code, used.json()["code"]) == (409, "reference_already_used")
    assert shown(as_cashier, sale)["amount_paid"] == "50.00"


def test_giving_up_a_transfer(as_cashier: APIClient, as_stranger: APIClient, sale: dict[str, Any]) -> None:
    transfer = pay(as_cashier, sale, "116.00", "bank").json()
    address = f"{URL}{transfer['id']}/cancel/"
    assert as_stranger.post(address).status_code == 404
    assert as_cashier.post(address).json()["status"] == "cancelled"
    assert as_cashier.post(address).json()["code"] == "payment_not_open"
    assert pay(as_cashier, sale, "116.00").status_code == 201


def test_a_cancelled_sale_takes_no_money(as_cashier: APIClient, sale: dict[str, Any]) -> None:
    as_cashier.post(f"/api/sales/sales/{sale['id']}/cancel/")
    refused = pay(as_cashier, sale, "116.00")
    assert (refused.status_code, refused.json()["code"]) == (409, "sale_cancelled")


def test_who_sees_payments(
    as_cashier: APIClient,
    as_stranger: APIClient,
    as_admin: APIClient,
    as_nobody: APIClient,
    sale: dict[str, Any],
) -> None:
    payment = pay(as_cashier, sale, 16).json()
    stranger = pay(as_stranger, sale, 100)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "sale_not_found")
    address = f"{URL}{payment['id']}/"
    for client, status in ((as_cashier, 200), (as_admin, 200), (as_stranger, 404), (as_nobody, 401)):
        assert client.get(address).status_code == status
        assert (
            client.get(f"{address}verify/").status_code
            == client.post(f"{address}verify/").status_code
            == status
        )
    assert as_stranger.get(URL).json()["results"] == []
    assert as_admin.get(f"{URL}?sale={sale['id']}&method=cash&status=success").json()["results"] == [payment]
    assert as_admin.get(f"{URL}?method=bank").json()["results"] == []
    assert as_admin.delete(address).status_code == 405


def test_one_key_one_payment(as_cashier: APIClient, sale: dict[str, Any]) -> None:
    body = {"sale": sale["id"], "method": "cash", "amount": "50.00"}
    first, again = (
        as_cashier.post(f"{URL}initiate/", body, headers={"Idempotency-Key": "p"}) for _ in range(2)
    )
    assert (first.status_code, first.content) == (201, again.content)
    assert shown(as_cashier, sale)["amount_paid"] == "50.00"


def test_success_never_goes_back() -> None:
    assert not may_move("success", Status.FAILED)
    assert may_move("failed", Status.SUCCESS)
    assert may_move("cancelled", Status.SUCCESS)
    assert MOVES[Status.REFUNDED] == frozenset()
    assert set(MOVES) == set(Status)
