"""A made-up past is a past like any other: its books agree, and the shop goes on where it ends."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, F, Min
from django.utils import timezone

from apps.core.models import LateBooking
from apps.inventory.models import Movement, StockAlert
from apps.payments.models import Payment, Refund
from apps.products.models import Category, Product, StockLevel
from apps.sales.models import ReceiptCounter, Sale, SaleItem
from apps.users.models import User
from conftest import client_of, make_user
from pos_backend.history.make import Wish, make_history
from tests.ledger import assert_ledgers_agree

# A Wednesday in Nairobi, 14:30, and three weeks before it.
UNTIL = datetime(2026, 3, 25, 11, 30, tzinfo=UTC)
WISH = Wish(sales=1200, days=22, seed=7, until=UNTIL, products=400)
FIRST_DAY, LAST_DAY = UNTIL.date() - timedelta(days=21), UNTIL.date()


@pytest.fixture(scope="class")
def progress(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[int]]:
    """The history, made once for all these tests and taken back after them; what was told of its progress."""
    with django_db_blocker.unblock(), transaction.atomic():
        LateBooking.objects.create(moment=UNTIL)
        told: list[int] = []
        make_history(WISH, told.append)
        yield told
        transaction.set_rollback(True)


class TestHistory:
    @pytest.fixture(autouse=True)
    def _made(self, progress: list[int]) -> Iterator[None]:
        """Each test leaves the history as it found it."""
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    def test_so_many_sales_and_no_more(self, progress: list[int]) -> None:
        assert Sale.objects.count() == sum(progress) == 1200
        assert Product.objects.count() == StockLevel.objects.count() == 400

    def test_the_books_agree(self) -> None:
        assert_ledgers_agree()

    def test_every_kind_of_sale(self) -> None:
        states = Counter(Sale.objects.values_list("status", "payment_status"))
        assert 0.015 < states["cancelled", "unpaid"] / 1200 < 0.05
        assert states["completed", "refunded"] > 2
        assert states["completed", "paid"] > 1100
        assert Sale.objects.filter(payment_method="Cash + M-Pesa").exists()
        for sold in ({"discount__gt": 0}, {"change__gt": 0}, {"customer_name__gt": ""}):
            assert Sale.objects.filter(**sold).exists()
        assert set(Movement.objects.values_list("movement_type", flat=True)) == {
            "adjustment", "damage", "purchase", "return", "sale",
        }  # fmt: skip

    def test_every_way_to_pay(self) -> None:
        ways = Counter(Payment.objects.values_list("method", "status"))
        assert {method for method, status in ways if status == "success"} == {
            "airtel", "bank", "card", "cash", "mpesa",
        }  # fmt: skip
        assert ways["cash", "success"] > ways["mpesa", "success"] > ways["card", "success"] > 20
        assert {status for method, status in ways if method == "mpesa"} >= {"failed", "cancelled"}
        assert not Payment.objects.filter(status="processing").exists()
        assert not Payment.objects.filter(next_query_at__isnull=False).exists()

    def test_refunds_are_paid_out_later(self) -> None:
        refunds = Refund.objects.filter(status="completed")
        assert 0.005 < refunds.count() / 1200 < 0.03
        assert refunds.filter(amount=F("payment__amount")).exists()
        assert refunds.filter(amount__lt=F("payment__amount")).exists()
        assert refunds.filter(method="cash").exclude(payment__method="cash").exists()
        assert not refunds.filter(
            completed_at__lt=F("payment__completed_at") + timedelta(minutes=20)
        ).exists()
        days = refunds.annotate(later=F("completed_at") - F("payment__completed_at"))
        assert days.filter(later__gt=timedelta(days=1)).exists()
        assert list(Refund.objects.order_by("id")) == list(Refund.objects.order_by("requested_at"))

    def test_baskets_have_the_sizes_of_real_ones(self) -> None:
        sizes = Counter(
            SaleItem.objects.values_list("sale").annotate(Count("id")).values_list("id__count", flat=True)
        )
        assert 4.0 < sum(size * count for size, count in sizes.items()) / 1200 < 4.8
        assert sizes[1] > sizes[2] > sizes[3] > sizes[5] > sizes[8]
        assert (
            not SaleItem.objects.values("sale", "product")
            .annotate(lines=Count("id"))
            .filter(lines__gt=1)
            .exists()
        )

    def test_a_few_products_make_most_of_the_lines(self) -> None:
        lines = SaleItem.objects.values("product").annotate(lines=Count("id")).order_by("-lines")
        counts = [entry["lines"] for entry in lines]
        assert sum(counts[:80]) > 0.5 * sum(counts)

    def test_opening_hours_and_weekends(self) -> None:
        moments = [timezone.localtime(moment) for moment in Sale.objects.values_list("created_at", flat=True)]
        assert all(time(8) <= moment.time() < time(20) for moment in moments)
        assert max(moments) <= UNTIL
        daily = Counter(moment.date() for moment in moments)
        assert (min(daily), max(daily), len(daily)) == (FIRST_DAY, LAST_DAY, 22)
        weekends = [count for day, count in daily.items() if day.weekday() >= 5]
        workdays = [count for day, count in daily.items() if day.weekday() < 5 and day != LAST_DAY]
        assert sum(weekends) / len(weekends) > 1.1 * sum(workdays) / len(workdays)
        hourly = Counter(moment.hour for moment in moments)
        assert hourly[18] > hourly[12] > hourly[10] > hourly[8]

    def test_receipts_are_in_the_order_of_completion(self) -> None:
        completed = Sale.objects.filter(status="completed").order_by("receipt")
        moments = list(completed.values_list("completed_at", flat=True))
        assert all(earlier <= later for earlier, later in pairwise(moments))
        counter = ReceiptCounter.objects.get()
        assert (counter.last, counter.taken_at) == (len(moments), moments[-1])

    def test_goods_move_in_the_order_of_time(self) -> None:
        moments = list(Movement.objects.order_by("id").values_list("created_at", flat=True))
        assert moments == sorted(moments)
        first = Sale.objects.aggregate(Min("created_at"))["created_at__min"]
        for table in (Product, Category, User):
            assert not table.objects.filter(created_at__gte=first).exists()

    def test_what_is_low_has_an_alert(self) -> None:
        low = StockLevel.objects.filter(quantity__lte=F("product__low_stock_threshold"))
        moved = set(Movement.objects.values_list("product", flat=True))
        alerts = StockAlert.objects.filter(status="active").values_list("product", flat=True)
        assert set(alerts) == set(low.values_list("pk", flat=True)) & moved
        assert 1 <= len(alerts) <= 100

    def test_nothing_waits_to_be_rolled_up(self) -> None:
        assert not LateBooking.objects.exists()

    def test_six_cashiers_who_cannot_sign_in_yet(self) -> None:
        sellers = User.objects.filter(pk__in=Sale.objects.values("cashier"))
        assert sellers.count() == 6
        assert {user.role for user in sellers} == {"cashier"}
        assert not any(user.has_usable_password() for user in User.objects.all())
        shares = Sale.objects.values("cashier").annotate(sales=Count("id")).values_list("sales", flat=True)
        assert min(shares) > 100

    def test_the_shop_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: UNTIL + timedelta(seconds=20))
        last = ReceiptCounter.objects.get().last
        product = Product.objects.filter(stock_level__quantity__gt=1).first()
        till = client_of(make_user("otieno"))
        body = {"items": [{"product": product.pk, "quantity": 1}], "amount_paid": "99999.00"}
        sale = till.post("/api/sales/sales/", body).json()
        assert sale["receipt_number"] == f"{last + 1:06d}"
        assert sale["id"] == Sale.objects.order_by("-id")[1].pk + 1
        assert sale["sale_number"].endswith(f"{Sale.objects.order_by('-id')[1].number + 1:06d}")
        assert_ledgers_agree()

    def test_gateways_are_not_asked_to_send_anything_back(self) -> None:
        payment = Payment.objects.filter(method="mpesa", status="success").first()
        body = {"payment": payment.pk, "amount": str(payment.amount), "reason": "Broken"}
        answer = client_of(make_user("otieno", "admin")).post("/api/payments/refunds/", body)
        assert answer.status_code in (409, 503)
        answer = client_of(make_user("njeri", "admin")).post(
            "/api/payments/refunds/", {**body, "in_cash": True}
        )
        assert answer.status_code == 201, answer.json()
