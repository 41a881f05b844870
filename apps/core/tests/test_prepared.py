"""Statements that were put into words once do what the ORM does."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.core.prepared import AnyOf, Given, Insertion, Prepared, PreparedModels, write_changes
from apps.payments.models import Payment
from apps.products.models import Product
from apps.sales.models import Sale
from apps.users.models import User
from conftest import stock_product

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def new_sale(cashier: User, total: str = "116.00") -> Sale:
    amounts = {
        "subtotal": Decimal(total),
        "tax_amount": Decimal(0),
        "discount": Decimal(0),
        "total": Decimal(total),
    }
    return Sale(business_date=NOW.date(), cashier=cashier, created_at=NOW, updated_at=NOW, **amounts)


def shown(model: Any, key: int, *, but: set[str]) -> dict[str, Any]:
    """Every column but its keys."""
    return {
        name: value for name, value in model.objects.filter(pk=key).values()[0].items() if name not in but
    }


def test_a_query_is_asked_with_what_is_given(django_assert_num_queries: Any) -> None:
    milk, bread = stock_product("Milk"), stock_product("Bread")
    query = Prepared(
        lambda: Product.objects.filter(AnyOf("pk", Given("ids")), name__gte=Given("name")).values(
            "id", "category__name"
        )
    )
    for _ in range(2):
        with django_assert_num_queries(1):
            assert query.rows(ids=[milk.pk, bread.pk, 0], name="C") == [
                {"id": milk.pk, "category__name": None}
            ]
    assert query.rows(ids=[], name="") == []
    assert query.row(ids=[bread.pk], name="") == {"id": bread.pk, "category__name": None}
    assert query.row(ids=[0], name="") is None


def test_whole_rows_are_as_the_orm_makes_them(cashier: User, django_assert_num_queries: Any) -> None:
    sale = new_sale(cashier)
    sale.save()
    document = {"gateway": {"name": "Njeri's", "list": [1, None]}}
    made = [
        Payment.objects.create(
            sale=sale, method="cash", amount=amount, initiated_by=cashier, initiated_at=NOW, metadata=document
        )
        for amount in (Decimal(1), Decimal(2))
    ]
    query = PreparedModels(
        lambda: (
            Payment.objects.select_related("sale__cashier", "confirmed_by")
            .filter(sale_id=Given("sale"), amount__gte=Given("least"))
            .order_by("-pk")
        )
    )
    for _ in range(2):
        with django_assert_num_queries(1):
            found = list(query.all(sale=sale.pk, least=0))
            assert [payment.sale.cashier.username for payment in found] == [cashier.username] * 2
            assert [payment.confirmed_by for payment in found] == [None, None]
    for one, other in zip(found, Payment.objects.order_by("-pk"), strict=True):
        for field in Payment._meta.concrete_fields:
            ours, orms = getattr(one, field.attname), getattr(other, field.attname)
            assert (ours, type(ours)) == (orms, type(orms)), field.name
    assert found[0].metadata == document
    assert (found[0]._state.adding, found[0]._state.db) == (False, "default")
    assert query.first(sale=sale.pk, least=2) == made[1]
    assert query.first(sale=0, least=0) is None


def test_rows_are_written_as_the_orm_writes_them(cashier: User, django_assert_num_queries: Any) -> None:
    ours, orms = (
        [new_sale(cashier), new_sale(cashier, "50.00")],
        [new_sale(cashier), new_sale(cashier, "50.00")],
    )
    with django_assert_num_queries(1):
        Insertion(Sale)(ours)
    Sale.objects.bulk_create(orms)
    keys = {"id", "number", "sale_number"}
    for one, other in zip(ours, orms, strict=True):
        assert shown(Sale, one.pk, but=keys) == shown(Sale, other.pk, but=keys)
        fresh = Sale.objects.get(pk=one.pk)
        assert (one.number, one.sale_number) == (fresh.number, fresh.sale_number)
        assert not one._state.adding
    assert ours[0].pk < ours[1].pk
    document = {"gateway": {"name": "Njeri's", "list": [1, None]}}
    payment = Payment(
        sale=ours[0],
        method="cash",
        amount=Decimal(1),
        initiated_by=cashier,
        initiated_at=NOW,
        metadata=document,
    )
    Insertion(Payment)([payment])
    assert Payment.objects.get(pk=payment.pk).metadata == document


def test_what_a_constraint_refuses_is_refused(cashier: User) -> None:
    sale = new_sale(cashier)
    sale.total = Decimal("1.00")
    with pytest.raises(IntegrityError), transaction.atomic():
        Insertion(Sale)([sale])


def test_changes_are_written_and_nothing_else(cashier: User, django_assert_num_queries: Any) -> None:
    sale = new_sale(cashier)
    Insertion(Sale)([sale])
    sale.notes, sale.customer_name = "Picks it up at six", "Njeri"
    with django_assert_num_queries(1):
        write_changes(sale, ["notes"])
    fresh = Sale.objects.get(pk=sale.pk)
    assert (fresh.notes, fresh.customer_name) == ("Picks it up at six", "")
    sale.pk = 0
    with pytest.raises(DatabaseError):
        write_changes(sale, ["notes"])


def test_a_connection_that_says_nothing_stands(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert connection.is_usable()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_ended_is_noticed() -> None:
    from tests.concurrency.racing import another_connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    with another_connection() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    assert not connection.is_usable()
    connection.close()
