"""What every test may ask for: three persons, a client for each, and products on the shelf."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.products.models import Category, Product
from apps.products.services import create_product
from apps.users.models import AuthToken, User
from tests.figures import table

PASSWORD = "maziwa-na-mkate-27"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if rows := table():
        terminalreporter.section("What was shown (docs/reliability.md)")
        terminalreporter.write_line(rows)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Argon2 is slow on purpose; only its own test needs it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def quick_clients(settings: Any) -> None:
    """Each new test client would otherwise walk all static files of all packages, 50 ms a time."""
    settings.WHITENOISE_AUTOREFRESH = True


def make_user(username: str, role: str = "cashier", **fields: Any) -> User:
    return User.objects.create_user(username, PASSWORD, role=role, **fields)


def client_of(user: User | None) -> APIClient:
    """A device that is signed in as `user`, or nobody's."""
    client = APIClient()
    if user is not None:
        _, token = AuthToken.objects.create(user, stamp=user.credential_stamp())
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


@pytest.fixture
def admin(db: None) -> User:
    return make_user("amina", "admin", first_name="Amina", last_name="Admin")


@pytest.fixture
def cashier(db: None) -> User:
    return make_user("otieno", first_name="Otieno", last_name="Till")


@pytest.fixture
def stranger(db: None) -> User:
    """Another cashier, who may not see the first one's sales."""
    return make_user("wanjiru")


@pytest.fixture
def as_admin(admin: User) -> APIClient:
    return client_of(admin)


@pytest.fixture
def as_cashier(cashier: User) -> APIClient:
    return client_of(cashier)


@pytest.fixture
def as_stranger(stranger: User) -> APIClient:
    return client_of(stranger)


@pytest.fixture
def as_nobody(db: None) -> APIClient:
    return client_of(None)


@pytest.fixture
def shelf(db: None) -> Callable[..., Product]:
    """Puts a product on the shelf: `shelf("Milk", "60.00", stock=5)`."""
    return stock_product


def stock_product(name: str = "Milk", price: str = "116.00", stock: str | int = 10, **fields: Any) -> Product:
    values = {"name": name, "price": Decimal(price), "sku": f"SKU-{Product.objects.count() + 1}", **fields}
    values.setdefault("tax", Decimal("16.00"))
    return create_product(values, stock=Decimal(stock), user_id=None, now=timezone.now())


@pytest.fixture
def category(db: None) -> Category:
    return Category.objects.create(name="Dairy")
