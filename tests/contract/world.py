"""A small shop to try things on, and the one way of trying: send, judge the answer, undo."""

import json
import re
import time
from copy import copy
from typing import Any

import psutil
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.products.models import Category
from apps.users.models import AuthToken, User
from conftest import PASSWORD, client_of, make_user, stock_product
from tests.contract.corpus import JSON
from tests.contract.routes import Route

# Counts attempts, and is meant to when a sign-in is refused.
COUNTERS = "users_logincounter"
READING = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")
CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")

DECISIONS = (
    "refund-approve",
    "refund-reject",
    "count-complete",
    "count-cancel",
    "alert-resolve",
    "alert-ignore",
)
STEPS = ("logout", "logoutall", "sale-cancel", "sale-complete", "payment-verify", "payment-cancel")
BODYLESS = (*STEPS, *DECISIONS)
PUBLIC = ("login",)
# What cashiers may write; elsewhere they are told 403, whatever they send.
FOR_CASHIERS = (
    *STEPS,
    "login",
    "password",
    "sale-list",
    "sale-detail",
    "payment-initiate",
    "refund-list",
    "count-add-item",
)

PERSON = {
    "username": "neema",
    "password": PASSWORD,
    "email": "neema@example.com",
    "first_name": "Neema",
    "last_name": "W",
    "role": "cashier",
    "phone_number": "0712345678",
    "is_active": True,
}
CATEGORY = {"name": "Bakery", "description": "Fresh"}
PRODUCT = {
    "name": "Bread",
    "barcode": "6161100490019",
    "sku": "BREAD",
    "price": "60.00",
    "cost_price": "40.00",
    "tax": "16.00",
    "low_stock_threshold": 5,
    "description": "White",
    "image": None,
    "is_active": True,
}
MOVEMENT = {
    "movement_type": "purchase",
    "quantity": 3,
    "reference_number": "LPO-1",
    "unit_cost": "70.00",
    "notes": "x",
}
DELIVERED = {"barcode": "6161100490002", "sku": "MILK", "quantity": 3, "unit_cost": "70.00"}
COUNT = {"description": "Cold store", "notes": "x"}
CUSTOMER = {"customer_name": "Ann", "customer_phone": "0712345678", "notes": "x"}
PAYMENT = {
    "method": "cash",
    "amount": "50.00",
    "amount_tendered": "100.00",
    "phone_number": "0712345678",
    "account_number": "x",
}


class Shop:
    """Three persons, a product, two sales that are not paid, one of them with a transfer under way."""

    def __init__(self) -> None:
        self.people = {"admin": make_user("amina", "admin"), "cashier": make_user("otieno")}
        self.tokens = {role: token_of(user) for role, user in self.people.items()}
        roles = ("admin", "cashier", "nobody")
        # What the wire would see, instead of the exception.
        self.clients = {role: APIClient(raise_request_exception=False) for role in roles}
        self.stranger = make_user("wanjiru")
        self.category = Category.objects.create(name="Dairy")
        self.milk = stock_product(
            "Milk", "116.00", stock=50, barcode="6161100490002", sku="MILK", category=self.category
        )
        self.sale, self.paying = self._sale(), self._sale()
        self.transfer = self._made(
            "/api/payments/payments/initiate/", {"sale": self.paying, "method": "bank", "amount": "100.00"}
        )
        self.cash = self._made(
            "/api/payments/payments/initiate/", {"sale": self.paying, "method": "cash", "amount": "60.00"}
        )
        asked = {"payment": self.cash, "amount": "10.00", "reason": "x"}
        self.refund = self._made("/api/payments/refunds/", asked)
        self.stuck = self._stuck_refund(self._made("/api/payments/refunds/", asked))
        self.message = self._message()
        self.count = self._made("/api/inventory/counts/", COUNT, "admin")
        self._made(
            f"/api/inventory/counts/{self.count}/add_item/",
            {"product": self.milk.pk, "physical_quantity": 40},
        )
        self.alert = self._alert()
        self.movement: int = apps.get_model("inventory.Movement").objects.earliest("id").pk
        self.before = snapshot()
        self.sent, self.slowest = 0, (0.0, "")
        self.memory = psutil.Process().memory_info().rss

    @property
    def grown(self) -> int:
        """Bytes that the process takes more than when the shop opened."""
        return int(psutil.Process().memory_info().rss) - self.memory

    def _alert(self) -> int:
        """One that is active, because there is little of it from the beginning."""
        salt = stock_product("Salt", "20.00", stock=3, sku="SALT")
        return int(apps.get_model("inventory.StockAlert").objects.get(product=salt).pk)

    def _sale(self) -> int:
        return self._made("/api/sales/sales/", {"items": [{"product": self.milk.pk, "quantity": 2}]})

    def _stuck_refund(self, refund: int) -> int:
        """One that a gateway never said anything about."""
        model = apps.get_model("payments.Refund")
        model.objects.filter(pk=refund).update(
            status="processing", method="card", sent_at=timezone.now(), approved_by=self.people["admin"]
        )
        Payment = apps.get_model("payments.Payment")
        cash = Payment.objects.get(pk=self.cash)
        apart = Payment.objects.create(
            sale_id=cash.sale_id, method="card", amount="10.00", amount_received="10.00",
            amount_unapplied="10.00", refund_reserved="10.00", status="success", initiated_by=cash.initiated_by,
            initiated_at=timezone.now(), completed_at=timezone.now(),
        )  # fmt: skip
        model.objects.filter(pk=refund).update(payment=apart)
        Payment.objects.filter(pk=cash.pk).update(refund_reserved="10.00")
        return refund

    def _message(self) -> int:
        message = apps.get_model("payments.GatewayCallback").objects.create(
            callback_type="mpesa", route="callback", digest="x", body=b"{}", received_at=timezone.now()
        )
        return int(message.pk)

    def _made(self, path: str, body: dict[str, Any], role: str = "cashier") -> int:
        answer = client_of(self.people[role]).post(path, body)
        assert answer.status_code == 201, answer.content
        return int(answer.json()["id"])

    def path(self, route: Route) -> str:
        """The address of something that is there."""
        there = {
            "user": self.stranger.pk,
            "category": self.category.pk,
            "product": self.milk.pk,
            "movement": self.movement,
            "sale": self.sale,
            "payment": self.transfer,
            "refund": self.stuck if route.name == "refund-settle" else self.refund,
            "callback": self.message,
            "count": self.count,
            "alert": self.alert,
        }
        return route.path(self.milk.barcode if "{code}" in route.template else there.get(room(route), ""))

    def body(self, route: Route) -> dict[str, Any] | None:
        """A body that is accepted, with every field that may be sent; None where no body is needed."""
        product = {**PRODUCT, "category": self.category.pk, "stock": 46}
        line = {"product": self.milk.pk, "barcode": None, "quantity": 1, "discount": "1.00"}
        bodies: dict[str, dict[str, Any] | None] = {
            "login": {"username": "otieno", "password": PASSWORD},
            "password": {"old_password": PASSWORD, "new_password": "chai-na-mandazi-30"},
            **dict.fromkeys(("register", "user-list", "user-detail"), PERSON),
            **dict.fromkeys(("category-list", "category-detail"), CATEGORY),
            **dict.fromkeys(("product-list", "product-detail"), product),
            "movement-list": {**MOVEMENT, "product": self.milk.pk},
            "delivery-list": {"rows": [DELIVERED], "reference_number": "LPO-2", "notes": "x"},
            "count-list": {**COUNT, "blind": True},
            "count-detail": COUNT,
            "count-add-item": {
                "product": self.milk.pk,
                "barcode": None,
                "physical_quantity": 3,
                "notes": "x",
            },
            "sale-list": {"items": [line], "discount": "1.00", "amount_paid": "200.00", **CUSTOMER},
            "sale-detail": CUSTOMER,
            "payment-initiate": {**PAYMENT, "sale": self.paying},
            "payment-confirm": {"reference": "BANK-1"},
            "refund-list": {"payment": self.cash, "amount": "10.00", "reason": "x", "in_cash": False},
            "refund-settle": {"outcome": "completed", "reference": "RCPT-1"},
            **dict.fromkeys(BODYLESS),
        }
        return bodies[route.name]

    def send(
        self,
        role: str,
        method: str,
        path: str,
        body: object = b"",
        kind: str = JSON,
        *,
        may: set[int] | None = None,
        headers: dict[str, str] | None = None,
    ) -> list[str]:
        """What is wrong with the answer to this request: nothing, one hopes. The request is undone afterwards.

        `may` are the statuses that are right; without it, any below 500 is. `headers` are named as in WSGI.
        """
        client = self.clients[role]
        if role in self.people:
            # Looking up the token would be a third of all the time; the tests of signing in do.
            client.force_authenticate(self.people[role], copy(self.tokens[role]))
        writes = Writes()
        with transaction.atomic():
            with connection.execute_wrapper(writes):
                answer = self._timed(client, method, path, body, kind, headers or {})
            wrong = flaw(answer, method)
            if not wrong and may is not None and answer.status_code not in may:
                wrong = f"not one of {sorted(may)}"
            # A snapshot costs more than a request, and what wrote nothing has changed nothing.
            if not wrong and answer.status_code >= 400 and writes.seen and snapshot() != self.before:
                wrong = "refused, and yet something changed"
            transaction.set_rollback(True)
        if not wrong:
            return []
        sent = f"{role}: {method} {path[:120]} {str(body)[:200]} {kind!r}"
        return [f"{sent}: {answer.status_code} {wrong} {answer.content[:200]!r}"]

    def _timed(
        self, client: APIClient, method: str, path: str, body: object, kind: str, headers: dict[str, str]
    ) -> Any:
        began = time.monotonic()
        answer = client.generic(method, path, body, content_type=kind, **headers)
        self.sent += 1
        self.slowest = max(self.slowest, (time.monotonic() - began, f"{method} {path[:60]}"))
        return answer


def token_of(user: User) -> AuthToken:
    token: AuthToken = AuthToken.objects.create(user, stamp=user.credential_stamp())[0]
    return token


def room(route: Route) -> str:
    return route.name.partition("-")[0]


class Writes:
    """Notices whether a request sent any statement that could write."""

    seen = False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen = self.seen or not sql.lstrip().upper().startswith(READING)
        return execute(sql, params, many, context)


def snapshot() -> str:
    """A digest of every row of every table of ours."""
    models = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
    tables = {model._meta.db_table for model in models} - {COUNTERS}
    digests = [
        f"coalesce((SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} t), '')"  # noqa: S608
        for table in sorted(tables)
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT concat_ws(' ', {', '.join(digests)})")
        return str(cursor.fetchone()[0])


def flaw(answer: Any, method: str) -> str:
    """Why this answer is not the contract's; empty for a good one."""
    status = answer.status_code
    if status >= 500 and not (status == 503 and code_of(answer) == "gateway_not_configured"):
        return "is a bug"
    if status < 400 or method == "HEAD":
        return ""
    if answer["Content-Type"] != "application/json":
        return f"has the type {answer['Content-Type']}"
    try:
        body = json.loads(answer.content)
    except ValueError:
        return "is not JSON"
    if status == 400 and isinstance(body, dict) and "code" not in body:
        return "" if body and _are_messages(body) else "has no messages"
    return "" if _is_error(body) else "has not the shape of an error"


def code_of(answer: Any) -> str:
    return str(answer.json().get("code", ""))


def _is_error(body: Any) -> bool:
    return (
        isinstance(body, dict)
        and isinstance(body.get("error"), str)
        and body["error"] != ""
        and isinstance(body.get("code"), str)
        and CODE.fullmatch(body["code"]) is not None
    )


def _are_messages(value: Any) -> bool:
    """Sentences in lists, below the names of fields; in lists of things also below an index."""
    if isinstance(value, dict):
        return all(map(_are_messages, value.values()))
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) and text for text in value)
