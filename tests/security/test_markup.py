"""Markup and scripts typed into the shop are shown as they were typed, and never run (S13)."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin as back_office
from django.db import connection
from django.test import Client
from django.utils.html import escape
from rest_framework.test import APIClient

from apps.payments.models import GatewayCallback, Payment, Refund
from apps.users.models import User
from conftest import PASSWORD, client_of, stock_product
from tests.figures import show

pytestmark = pytest.mark.django_db
PAYLOAD = "\"><img src=x onerror=alert(1)>'<x-9>"
SCRIPT = "</textarea></script><script>alert(2)</script>{{ 7777|add:1 }}"
RAW = ("<img src=x", "<script>alert", "<x-9>", "</textarea></script>")


def looked_at(client: Any, path: str, **options: Any) -> str:
    """The page, in which nothing of a payload stands as markup."""
    answer = client.get(path, headers={"Accept": "text/html,*/*"}, **options)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text: str = body.decode()
    kind = answer.headers.get("Content-Type", "")
    assert answer["X-Content-Type-Options"] == "nosniff", path
    if kind.startswith("text/html"):
        # What a page may have of these letters itself is taken away first: they only count with a payload's end.
        assert not [part for part in RAW if part in text], (
            path,
            [text[max(0, text.find(p) - 80) :][:200] for p in RAW if p in text],
        )
        assert "7778" not in text, path
    elif text:
        assert kind.split(";")[0] in ("application/json", "text/csv"), (path, kind)
    return text


@pytest.fixture
def soiled(admin: User, category: Any) -> User:
    """A shop in which everything that can be typed is a payload; through the API where it can be typed there."""
    boss = client_of(admin)

    def typed(path: str, **body: Any) -> dict[str, Any]:
        answer = boss.post(path, body)
        assert answer.status_code in (200, 201), answer.content
        return dict(answer.json())

    goods = typed("/api/products/categories/", name=PAYLOAD, description=SCRIPT)
    milk = typed(
        "/api/products/", name=PAYLOAD, sku=PAYLOAD, price="116.00", stock=9, low_stock_threshold=50,
        category=goods["id"], description=SCRIPT, barcode="<x-9>1",
    )  # fmt: skip
    names = {"first_name": PAYLOAD, "last_name": SCRIPT, "phone_number": "<x-9>0712", "password": PASSWORD}
    till = User.objects.get(pk=typed("/api/users/", username="achieng", **names)["id"])
    sale = client_of(till).post(
        "/api/sales/sales/",
        {
            "items": [{"product": milk["id"], "quantity": 1}],
            "customer_name": PAYLOAD,
            "customer_phone": "<x-9>",
            "notes": SCRIPT,
            "amount_paid": "116.00",
        },
        headers={"User-Agent": SCRIPT, "X-Forwarded-For": PAYLOAD, "Idempotency-Key": "<x-9>"},
    )
    assert sale.status_code == 201, sale.content
    typed(
        "/api/inventory/movements/",
        product=milk["id"],
        movement_type="purchase",
        quantity=1,
        notes=SCRIPT,
        reference_number=PAYLOAD,
    )
    count = typed("/api/inventory/counts/", description=PAYLOAD, notes=SCRIPT)
    typed(
        f"/api/inventory/counts/{count['id']}/add_item/",
        product=milk["id"],
        physical_quantity=3,
        notes=SCRIPT,
    )
    payment = sale.json()["payments"][0]["id"]
    typed("/api/payments/refunds/", payment=payment, amount="1.00", reason=SCRIPT)
    APIClient().post(
        "/api/payments/webhooks/mpesa/callback/", {PAYLOAD: SCRIPT}, headers={"User-Agent": SCRIPT}
    )
    _said_by_gateways()
    return admin


def _said_by_gateways() -> None:
    """What a gateway may write into our tables."""
    words = {
        "error_code": "<x-9>",
        "error_message": SCRIPT,
        "attention": PAYLOAD,
        "external_reference": "<x-9>1",
    }
    for model in (Payment, Refund):
        fields = {name for field in model._meta.concrete_fields if (name := field.name) in words}
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            model.objects.update(**{name: words[name] for name in fields})
            cursor.execute("SET LOCAL session_replication_role = origin")


def test_no_page_of_the_back_office_has_markup_that_was_typed(soiled: User) -> None:
    office = Client()
    office.force_login(soiled)
    pages, shown = 0, 0
    for model in [m for m in back_office.site._registry if m._meta.app_label != "auth"]:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        addresses = [
            base,
            f"{base}?q={SCRIPT}",
            f"{base}?o=1.-2",
            f"{base}{PAYLOAD}/change/".replace("/>", ">"),
        ]
        for row in model._default_manager.all():
            addresses += [f"{base}{row.pk}/{page}/" for page in ("change", "history", "delete")]
        for address in addresses:
            text = looked_at(office, address, follow=True)
            shown += text.count(escape(PAYLOAD)) + text.count(escape(SCRIPT))
            pages += 1
    assert GatewayCallback.objects.count() == 1
    # The control: it did come as far as the pages.
    assert pages > 60
    assert shown > 60
    show(
        "S13",
        "markup in every text field, read in the back office",
        f"{pages} pages, {shown} times shown",
        "0 unescaped",
    )


def test_no_printed_page_and_no_error_page_has_it(soiled: User, settings: Any) -> None:
    boss, nobody = client_of(soiled), Client()
    printed = [
        looked_at(boss, f"/api/reports/{name}/?export=html&period=today") for name in ("sales", "day-end")
    ]
    assert all(escape(PAYLOAD) in page for page in printed)
    for path in (
        f"/{PAYLOAD}/",
        f"/api/{SCRIPT}/",
        f"/swagger/?{SCRIPT}",
        f"/redoc/?format={PAYLOAD}",
        f"/swagger.json?{PAYLOAD}",
        f"/admin/login/?next={SCRIPT}",
        f"/api/payments/webhooks/card/callback/{'<x-9>' * 10}/?reference={SCRIPT}",
        f"/api/payments/webhooks/card/callback/?reference={SCRIPT}",
        f"/media/{PAYLOAD}",
        f"/static/{PAYLOAD}",
    ):
        looked_at(nobody, path)
    payment = Payment.objects.get()
    for host in (f"{PAYLOAD}.example", "<x-9>"):
        assert "<x-9>" not in nobody.get("/healthz/", HTTP_HOST=host).content.decode()
    assert payment.attention == PAYLOAD
    show("S13", "printed reports, customer's page, error pages", "14 pages", "0 unescaped")


def test_answers_of_the_api_are_never_taken_for_pages(soiled: User) -> None:
    """JSON holds what was typed as it is; its type, and that browsers may not guess another, keep it harmless."""
    boss = client_of(soiled)
    for path in (
        "/api/products/",
        "/api/sales/sales/",
        f"/api/products/?search={SCRIPT}",
        f"/api/users/?role={SCRIPT}",
    ):
        for accept in ("text/html", "*/*", "application/xhtml+xml", "text/html;q=0.9,*/*"):
            answer = boss.get(path, headers={"Accept": accept})
            assert answer["Content-Type"] == "application/json"
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    names = {model._meta.label for model in apps.get_models() if model.__module__.startswith("apps.")}
    assert len(names) > 15


def test_control_an_unescaped_page_is_seen(soiled: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "django.contrib.admin.templatetags.admin_list.format_html",
        lambda text, *parts: text.format(*parts) if parts else text,
    )
    from django.template import Engine

    engine = Engine.get_default()
    monkeypatch.setattr(engine, "autoescape", False)
    for loader in engine.template_loaders:
        loader.reset()
    office = Client()
    office.force_login(soiled)
    try:
        with pytest.raises(AssertionError):
            looked_at(office, "/admin/products/product/")
    finally:
        monkeypatch.undo()
        for loader in engine.template_loaders:
            loader.reset()


def test_a_picture_that_is_a_page_is_refused(as_admin: APIClient) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    product = stock_product()
    for name, kind, body in (
        ("x.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("x.html", "image/png", b"<script>alert(1)</script>"),
        ("x.png", "image/png", b"GIF89a/*<script>alert(1)</script>*/"),
    ):
        upload = SimpleUploadedFile(name, body, kind)
        answer = as_admin.patch(f"/api/products/{product.pk}/", {"image": upload}, format="multipart")
        assert (answer.status_code, list(answer.json())) == (400, ["image"])
