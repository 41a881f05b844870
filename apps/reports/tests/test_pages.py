"""The pages for the printer: self-contained, escaped, and with the report's figures."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.products.models import Category, Product
from apps.users.models import User

pytestmark = pytest.mark.django_db
People = dict[str, APIClient]
Way = Callable[[], str]
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{ now }}'


class Tags(HTMLParser):
    """What a browser would be asked to do, and the words that it would show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] != "style":
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page(client: APIClient, address: str) -> Any:
    answer = client.get(f"/api/reports/{address}&export=html")
    assert answer.status_code == 200, answer.content
    return answer


def test_headers(people: People, story: Any) -> None:
    for address in ("sales/?period=month", "day-end/?date=2026-03-03"):
        answer = page(people["amina"], address)
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert "Content-Disposition" not in answer
        assert answer["X-Content-Type-Options"] == "nosniff"
        (nonce,) = re.findall(r'<style nonce="([^"]+)">', answer.content.decode())
        assert answer["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        assert nonce not in page(people["amina"], address).content.decode()


def test_it_brings_all_it_needs_and_runs_nothing(people: People, story: Any) -> None:
    Product.objects.filter(name="Milk").update(name=HOSTILE)
    Category.objects.filter(name="Dairy").update(name="</style><b>")
    User.objects.filter(username="otieno").update(first_name=HOSTILE)
    for address in ("sales/?period=month", "day-end/?date=2026-03-03"):
        answer = page(people["amina"], address).content.decode()
        seen = Tags(answer)
        names = {tag for tag, _ in seen.tags}
        assert not names & {"script", "img", "link", "iframe", "object", "form", "base", "a", "input"}
        for _, attributes in seen.tags:
            assert not [
                name for name in attributes if name.startswith("on") or name in ("src", "href", "style")
            ]
        assert HOSTILE in seen.text
        assert "url(" not in answer
        assert "@import" not in answer


def test_the_sales_page(people: People, story: Any, way: Way) -> None:
    way()
    text = Tags(
        page(people["amina"], "sales/?start_date=2026-03-02&end_date=2026-03-10").content.decode()
    ).text
    for part in (
        "Monday, 2 March 2026 to Tuesday, 10 March 2026",
        "Amounts in KES Printed 10 March 2026, 20:00",
        "Sales 6 Revenue, with tax 1,172.80 Refunds 301.90 Net revenue 870.90",
        "Average sale 195.47 Tax in revenue 109.79 Discounts given 88.00 Revenue, without tax 1,063.01",
        "by day, highest 520.90",
        "Cash 5 1,072.80 2 201.90 Bank transfer 1 100.00 1 100.00 Together 1,172.80 301.90",
        "Otieno Till 3 868.90 101.79 28.00 58.00 810.90 wanjiru 2 303.90 8.00 0.00 243.90 60.00",
        "Milk 6 675.43 Rice 1.51 266.77 Gas 1 108.00 Soap 1 62.60 Bread 2 60.00",
        "Dairy 6 675.43 Dry goods 1.51 266.77 Uncategorised 2 170.60 Bakery 2 60.00",
    ):
        assert part in text
    day = Tags(page(people["amina"], "sales/?period=today").content.decode())
    assert "Tuesday, 10 March 2026 Amounts" in day.text
    assert "0:00 by hour, highest 116.00 24:00" in day.text
    bars = [attributes for tag, attributes in day.tags if tag == "rect"]
    assert [bar["height"] for bar in bars] == [*["0.0"] * 10, "100.0", *["0.0"] * 13]
    assert bars[10] == {"x": "100", "y": "0.0", "width": "8", "height": "100.0"}
    quiet = Tags(page(people["amina"], "sales/?start_date=2026-03-04&end_date=2026-03-04").content.decode())
    assert "svg" not in {tag for tag, _ in quiet.tags}


def test_the_day_end_page(people: People, story: Any, way: Way) -> None:
    way()
    text = Tags(page(people["amina"], "day-end/?date=2026-03-03").content.decode()).text
    for part in (
        "Day end Tuesday, 3 March 2026",
        "Sales 1 Revenue, with tax 520.90 Refunds (1) 58.00 Net revenue 462.90",
        "Discounts given 28.00 Cancelled sales (1) 60.00 Average sale 520.90 Receipts 000003",
        "16 % 336.24 53.79 390.03 0 % 130.87 0.00 130.87 Together 467.11 53.79 520.90",
        "Refunds of the day hold 8.00 of tax",
        "Cash 1 520.90 1 58.00 Together 520.90 58.00",
        "Otieno Till 1 520.90 28.00 58.00 462.90 0 wanjiru 0 0.00 0.00 0.00 0.00 1",
        "By the books 520.90 58.00 462.90",
        "Counted, above the float Difference Reason Name Signature Date and time",
    ):
        assert part in text
    assert "The day is not over" not in text
    today = Tags(page(people["amina"], "day-end/?x=1").content.decode()).text
    assert "The day is not over: these figures may still grow." in today
    first = Tags(page(people["amina"], "day-end/?date=2026-03-02").content.decode()).text
    assert "Receipts 000001–000002" in first
    quiet = Tags(page(people["amina"], "day-end/?date=2026-03-04").content.decode()).text
    assert "Receipts none" in quiet
