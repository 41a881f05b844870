"""Who stands at the doors, and one knock: a sound request, its outcome, and whether it left anything behind."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.users.models import AuthToken, User
from conftest import make_user
from tests.contract.world import Shop, Writes, snapshot
from tests.security.addresses import Address

ACTORS = ("nobody", "owner", "other", "admin", "inactive", "expired", "revoked", "office", "lobby")
SAMPLES = Path(__file__).parents[2] / "payments" / "tests" / "samples"
SIGN_IN = "/admin/login/"
# What a plain page is asked with, where its address has a value.
VALUES = {
    "content_type_id": "1",
    "object_id": "1",
    "app_label": "sales",
    "url": "nowhere",
    "format": "json",
    "path": "x.png",
}


class Doors:
    """The shop, the headers of each actor, and requests that are undone."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        owner, admin = shop.people["cashier"], shop.people["admin"]
        gone = make_user("gone", "admin")
        self.headers: dict[str, Mapping[str, str]] = {
            "nobody": {},
            "owner": _token(owner),
            "other": _token(shop.stranger),
            "admin": _token(admin),
            "inactive": _token(gone),
            "expired": _token(admin, expiry=timezone.now() - timedelta(seconds=1)),
            "revoked": _token(admin, stamp="of an older password"),
            "office": _session(admin),
            "lobby": _session(owner),
        }
        User.objects.filter(pk=gone.pk).update(is_active=False)
        self.before = snapshot()

    def knock(self, address: Address, actor: str) -> str:
        """The status; `login` where the back office sends its visitors away, with `!` where a refusal left a trace."""
        writes = Writes()
        with transaction.atomic():
            with connection.execute_wrapper(writes):
                answer = self.send(address, actor)
            refused = answer.status_code >= 300 or address.method == "GET"
            touched = refused and writes.seen and not self._same(address)
            transaction.set_rollback(True)
        outcome = str(answer.status_code)
        if answer.status_code == 302 and answer["Location"].startswith(SIGN_IN):
            outcome = "login"
        return f"{outcome}!" if touched else outcome

    def send(self, address: Address, actor: str) -> Any:
        path, headers = self.path(address), self.headers[actor]
        if address.route is None:
            return _client(Client, headers).generic(address.method, path, **_environ(headers))
        body = self.body(address) if address.method in ("POST", "PUT", "PATCH") else None
        return getattr(_client(APIClient, headers), address.method.lower())(path, body, **_environ(headers))

    def body(self, address: Address) -> dict[str, Any] | None:
        """One that is accepted; a webhook's is sound and names nothing of this shop."""
        if address.route is None:
            return {}
        if address.route.is_webhook:
            return dict(json.loads((SAMPLES / _sample(address.template)).read_text()))
        return self.shop.body(address.route)

    @contextmanager
    def undone(self) -> Iterator[None]:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    def client(self, actor: str) -> APIClient:
        """A device of the actor's, or their browser."""
        client = _client(APIClient, self.headers[actor])
        client.credentials(**_environ(self.headers[actor]))
        return client

    def path(self, address: Address) -> str:
        if address.route is not None and address.route.is_webhook:
            return address.route.path("0" * 32)
        if address.route is not None:
            return self.shop.path(address.route)
        path = address.template
        for name, value in VALUES.items():
            path = path.replace(f"{{{name}}}", self._object(address) if name == "object_id" else value)
        return path

    def _object(self, address: Address) -> str:
        """The key of a record that is there, so that a page has something to refuse."""
        if address.model is None:
            return "1"
        if address.model.model is User:
            return str(self.shop.stranger.pk)
        return str(apps.get_model(address.model.opts.label).objects.earliest("pk").pk)

    def _same(self, address: Address) -> bool:
        return address.template == "/admin/logout/" or snapshot() == self.before


def _sample(template: str) -> str:
    names = {
        "/airtel/": "airtel_callback_TS_unsigned.json",
        "/card/": "card_paystack_webhook_charge_success.json",
        "/result/": "mpesa_reversal_result_success.json",
        "/status/": "mpesa_txnstatus_result_completed.json",
    }
    return next((name for part, name in names.items() if part in template), "mpesa_stk_callback_success.json")


def _token(user: User, **fields: Any) -> dict[str, str]:
    token, clear = AuthToken.objects.create(user, stamp=fields.pop("stamp", user.credential_stamp()))
    if fields:
        AuthToken.objects.filter(pk=token.pk).update(**fields)
    return {"Authorization": f"Token {clear}"}


def _session(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"Cookie": client.cookies[settings.SESSION_COOKIE_NAME].value}


@cache
def _server(kind: type[Any]) -> Any:
    """One for all clients of a kind: a client left alone builds its own, which takes longer than most requests."""
    server = kind().handler
    server.load_middleware()
    return server


def _client(kind: type[Any], headers: Mapping[str, str]) -> Any:
    client = kind(raise_request_exception=False)
    client.handler = _server(kind)
    if key := headers.get("Cookie"):
        client.cookies = SimpleCookie({settings.SESSION_COOKIE_NAME: key})
    return client


def _environ(headers: Mapping[str, str]) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": headers["Authorization"]} if "Authorization" in headers else {}


@contextmanager
def replaced(target: Any, name: str, value: Callable[..., Any] | object) -> Iterator[None]:
    """`target.name` is `value` for a while, also where it is inherited."""
    had, before = name in vars(target), getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before) if had else delattr(target, name)
