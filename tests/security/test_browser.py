"""The pages work under their policy, in a real browser, and nothing that was typed into the shop runs there (S13)."""

from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.utils.safestring import mark_safe

from apps.products.models import Category, StockLevel
from apps.users.models import User
from conftest import PASSWORD
from tests.concurrency.shop import put_on_shelf
from tests.figures import show
from tests.security.browsing import CHROMIUM, Tab, browse

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here"),
]


def sign_in(tab: Tab) -> None:
    tab.open("/admin/login/?next=/admin/")
    tab.page.fill("#id_username", "amina")
    tab.page.fill("#id_password", PASSWORD)
    tab.page.click("[type=submit]")
    tab.page.wait_for_url("**/admin/")
    tab.look()


def test_the_documents_work_and_the_policy_holds(live_server: Any, db: None) -> None:
    def visit(tab: Tab) -> tuple[int, str, list[str]]:
        tab.open("/swagger/")
        tab.page.wait_for_selector(".opblock", timeout=30_000)
        shown = tab.page.locator(".opblock").count()
        tab.page.locator(".opblock-summary").first.click()
        tab.page.wait_for_selector(".opblock.is-open .btn.try-out__btn")
        tab.look()
        tab.open("/redoc/")
        tab.page.wait_for_selector("h1", timeout=30_000)
        tab.look()
        return shown, tab.page.inner_text("h1"), tab.complaints

    shown, title, complaints = browse(live_server.url, visit)

    assert shown > 80
    assert "POS backend" in title
    # ReDoc asks its makers for their picture; the policy lets it ask nobody.
    assert {line for line in complaints if "cdn.redoc.ly" not in line} == set()
    result = "work, 0 violations but ReDoc's foreign picture"
    show("S13", "pages in Chromium under their policy", "Swagger and ReDoc", result)


def test_the_back_office_works_and_the_policy_holds(
    live_server: Any, admin: User, category: Category
) -> None:
    milk = put_on_shelf(stock=5)
    milk.category = category
    milk.save()
    seen: set[str] = set()

    def visit(tab: Tab) -> list[str]:
        sign_in(tab)
        for path in (
            "/admin/products/product/?q=milk",
            "/admin/sales/sale/",
            "/admin/payments/payment/",
            "/admin/inventory/movement/",
            "/admin/users/user/",
            f"/admin/users/user/{admin.pk}/change/",
            f"/admin/products/product/{milk.pk}/change/",
            f"/admin/products/product/{milk.pk}/history/",
            "/admin/password_change/",
        ):
            assert tab.open(path).status == 200, path
        # The search box of the category needs scripts, styles and a request of its own.
        tab.open("/admin/products/product/add/")
        tab.page.click(".field-category .select2-selection")
        tab.page.wait_for_selector(".select2-results__option >> text=Dairy")
        tab.page.click(".select2-results__option >> text=Dairy")
        for name, value in (("name", "Bread"), ("sku", "B-1"), ("price", "50"), ("cost_price", "40")):
            tab.page.fill(f"#id_{name}", value)
        tab.page.click("[name=_save]")
        tab.page.wait_for_selector(".messagelist .success")
        tab.look()
        # A list's actions lead to the page that asks once more.
        tab.open("/admin/products/category/")
        tab.page.check("#action-toggle")
        tab.page.select_option("select[name=action]", "delete_selected")
        tab.page.click("button[name=index]")
        tab.page.wait_for_selector("#content h1")
        tab.look()
        tab.page.click("#logout-form button")
        tab.page.wait_for_load_state()
        tab.look()
        seen.update(tab.seen)
        return tab.complaints

    assert browse(live_server.url, visit) == []
    assert StockLevel.objects.get(product__sku="B-1").quantity == 0
    extent = f"{len(seen)} pages of the back office"
    show("S13", "pages in Chromium under their policy", extent, "all work, 0 violations")


def test_control_what_is_written_inline_does_not_run_and_is_reported(
    live_server: Any, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the escaping has been forgotten: the policy is the second wall, and the test can see it."""
    planted = mark_safe("<img src=x onerror=alert(1)><script>alert(2)</script>")
    monkeypatch.setattr(AdminSite, "each_context", lambda site, request: {"site_header": planted})

    def visit(tab: Tab) -> tuple[bool, list[str]]:
        tab.open("/admin/login/")
        return tab.page.evaluate("Boolean(window.pwned)"), tab.complaints

    ran, complaints = browse(live_server.url, visit)

    assert not ran
    assert any("script-src" in line for line in complaints)
    show("S13", "control: markup that was not escaped, in Chromium", "1 page", "did not run, was reported")
