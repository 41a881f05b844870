"""The demo shop is a shop like any other: its people sign in, its books agree."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import F, Max, Min, Sum
from django.utils import timezone
from rest_framework.test import APIClient

from apps.inventory.models import Movement
from apps.payments.models import Payment
from apps.products.models import Category, Product, StockLevel
from apps.sales.models import Sale, SaleItem
from apps.users.models import User
from pos_backend.demo import week
from tests.ledger import assert_ledgers_agree

PASSWORDS = {"admin": "karibu", "cashier": "asante"}
# A Wednesday afternoon in Nairobi.
WEDNESDAY = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


@pytest.fixture
def quick_passwords() -> None:
    """The demo's passwords were stored before the test began, by the hasher of the settings."""


def load() -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as environment:
        for name, password in PASSWORDS.items():
            environment.setenv(f"DEMO_{name.upper()}_PASSWORD", password)
        call_command("load_demo", stdout=out)
    return out.getvalue()


@pytest.fixture(scope="class")
def printed(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The demo shop, opened once for all these tests and taken back after them; what the command printed."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield load()
        transaction.set_rollback(True)


class TestDemoShop:
    @pytest.fixture(autouse=True)
    def _opened(self, printed: str) -> Iterator[None]:
        """Each test leaves the shop as it found it."""
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    def test_says_so(self, printed: str) -> None:
        assert printed == "demo: created\n"

    @pytest.mark.parametrize("name", ["admin", "cashier"])
    def test_people_sign_in(self, name: str) -> None:
        answer = APIClient().post("/api/auth/login/", {"username": name, "password": PASSWORDS[name]})
        assert answer.status_code == 200, answer.json()
        assert answer.json()["user"]["role"] == name
        client = APIClient(headers={"Authorization": f"Token {answer.json()['token']}"})
        assert client.get("/api/auth/me/").json()["username"] == name

    def test_products(self) -> None:
        assert Product.objects.count() == 200
        assert Product.objects.filter(barcode__startswith="616").count() == 47
        assert Product.objects.values("name").distinct().count() == 200
        assert Category.objects.count() == 9
        assert not Product.objects.filter(category=None).exists()
        assert not Product.objects.filter(barcode=None).exists()

    def test_books_agree(self) -> None:
        assert_ledgers_agree()
        assert Sale.objects.count() > 7 * week.WEEKDAY_SALES[0]

    def test_stock_is_the_sum_of_its_movements(self) -> None:
        moved = dict(Movement.objects.values_list("product").annotate(Sum("quantity")))
        assert moved == dict(StockLevel.objects.values_list("product", "quantity"))

    def test_sales_are_the_sums_of_their_lines(self) -> None:
        lines = dict(SaleItem.objects.values_list("sale").annotate(Sum("total")))
        assert lines == dict(Sale.objects.values_list("pk", "total"))

    def test_receipts_in_the_order_of_completion(self) -> None:
        receipts = (
            Sale.objects.filter(status="completed").order_by("completed_at").values_list("receipt", flat=True)
        )
        assert list(receipts) == list(range(1, len(receipts) + 1))

    def test_every_kind_of_sale(self) -> None:
        states = Counter(Sale.objects.values_list("status", "payment_status"))
        assert set(states) >= {("completed", "paid"), ("cancelled", "unpaid"), ("pending", "partial")}
        assert states["completed", "paid"] > sum(states.values()) * 0.9
        assert Sale.objects.filter(discount__gt=0).exists()
        assert Sale.objects.filter(status="completed", change=0).exists()
        assert Sale.objects.filter(status="completed", change__gt=0).exists()
        in_two_parts = (
            Payment.objects.values("sale")
            .annotate(first=Min("id"), last=Max("id"))
            .filter(last__gt=F("first"))
        )
        assert in_two_parts.exists()

    def test_a_handful_runs_low_and_nothing_runs_out(self) -> None:
        low = StockLevel.objects.filter(quantity__lte=F("product__low_stock_threshold"))
        assert 3 <= low.count() <= 8
        assert not StockLevel.objects.filter(quantity=0).exists()

    def test_goods_and_people_were_there_first(self) -> None:
        first_sale = Sale.objects.aggregate(Min("created_at"))["created_at__min"]
        last_opening = Movement.objects.filter(notes="Opening stock").aggregate(Max("created_at"))
        assert last_opening["created_at__max"] < first_sale
        for table in (User, Category, Product):
            assert table.objects.aggregate(Max("created_at"))["created_at__max"] < first_sale

    def test_sales_lie_in_the_week_before_now(self) -> None:
        days = Sale.objects.aggregate(
            first=Min("business_date"), last=Max("business_date"), until=Max("updated_at")
        )
        today = timezone.localdate()
        assert days["first"] in (today - timedelta(days=7), today - timedelta(days=8))  # at midnight
        assert days["until"] <= timezone.now()

    def test_a_second_run_changes_nothing(self) -> None:
        before = [table.objects.count() for table in (User, Product, Sale, Movement)]
        assert load() == ""
        assert [table.objects.count() for table in (User, Product, Sale, Movement)] == before


@pytest.mark.django_db
class TestNotOpened:
    def test_in_a_shop_that_is_in_use(self, admin: User) -> None:
        assert load() == ""
        assert not Product.objects.exists()

    def test_without_passwords(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "karibu")
        monkeypatch.setenv("DEMO_CASHIER_PASSWORD", "")
        with pytest.raises(CommandError) as caught:
            call_command("load_demo")
        assert (
            str(caught.value)
            == "Set DEMO_CASHIER_PASSWORD to the passwords with which the demo's users sign in."
        )
        assert not User.objects.exists()


class TestWeek:
    def test_is_the_same_every_time(self) -> None:
        assert week.visits(WEDNESDAY) == week.visits(WEDNESDAY)
        later = [visit.lines for visit in week.visits(WEDNESDAY + timedelta(weeks=5))]
        assert later == [visit.lines for visit in week.visits(WEDNESDAY)]

    def test_opening_hours_and_days(self) -> None:
        visits = [(timezone.localtime(visit.when), visit) for visit in week.visits(WEDNESDAY)]
        assert [when for when, _ in visits] == sorted({when for when, _ in visits})
        assert all(time(8) <= when.time() < time(20) for when, _ in visits)
        sales = Counter(when.date().strftime("%a %d") for when, _ in visits)
        assert list(sales) == ["Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22", "Mon 23", "Tue 24", "Wed 25"]
        assert min(sales["Sat 21"], sales["Sun 22"]) > max(
            sales[day] for day in ("Thu 19", "Fri 20", "Mon 23")
        )
        assert all(45 <= count <= 60 for day, count in sales.items() if day != "Wed 25")

    @pytest.mark.parametrize(("hour", "minute", "expected"), [(4, 59, 7), (5, 30, 8), (17, 0, 8)])
    def test_today_until_now(self, hour: int, minute: int, expected: int) -> None:
        """Nairobi opens at 5 by UTC and closes at 17."""
        now = WEDNESDAY.replace(hour=hour, minute=minute)
        visits = week.visits(now)
        assert all(week.opening(now) < visit.when <= now for visit in visits)
        assert len({timezone.localtime(visit.when).date() for visit in visits}) == expected

    def test_baskets_keep_their_shape(self) -> None:
        """As many different products as the real basket had different kinds."""
        with (week.HERE / "baskets.csv").open(newline="") as file:
            baskets = list(csv.reader(file))
        visits = week.visits(WEDNESDAY.replace(hour=20))
        assert len(visits) <= len(baskets) == 450
        for basket, visit in zip(baskets, visits, strict=False):
            assert len({sku for sku, _ in visit.lines}) == len(basket)
        assert all(quantity >= Decimal(1) for visit in visits for _, quantity in visit.lines)


def test_sources_are_named() -> None:
    text = (week.HERE / "ATTRIBUTION.md").read_text()
    for source in (
        "Open Food Facts",
        "Lifyzer",
        "Open Database License",
        "share-alike",
        "Groceries",
        "arules",
    ):
        assert source in text
