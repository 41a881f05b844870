"""Receipts: what stands on them, in every form and width, for everybody who may see the sale."""

import html
import re
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader
from rest_framework.test import APIClient

from apps.sales.receipts.content import Kind, Row
from apps.sales.receipts.escpos import as_escpos
from apps.sales.receipts.pdf import as_pdf
from apps.sales.receipts.text import COLUMNS, as_text, width_of, wrapped

SALES = "/api/sales/sales/"
LONG = "Maziwa ya Brookside fresh milk UHT long life pamoja na kifurushi kirefu sana"
RASTER = b"\x1dv0\x00"  # GS v 0: a picture follows, its width in bytes and its height in two bytes each


@pytest.fixture
def shop(settings: Any) -> None:
    settings.SHOP_NAME, settings.SHOP_ADDRESS = "Duka la Mama Njeri", "Moi Avenue 12\nNairobi"
    settings.SHOP_TAX_PIN, settings.RECEIPT_FOOTER = "P051234567X", "Asante, karibu tena!"


@pytest.fixture
def sale(as_admin: APIClient, as_cashier: APIClient, shelf: Callable[..., Any], shop: None) -> dict[str, Any]:
    """Two rates of tax, a discount, cash with change and a bank transfer."""
    items = [
        {"product": shelf(LONG, "116.00").pk, "quantity": 2, "discount": "12.00"},
        {"product": shelf("Café crème", "400.00", tax=Decimal(0)).pk, "quantity": "1.25"},
    ]
    customer = {"customer_name": "Wanjiru", "customer_phone": "0712345678"}
    sale: dict[str, Any] = as_cashier.post(SALES, {"items": items, **customer}).json()
    bank = {"sale": sale["id"], "method": "bank", "amount": "220.00"}
    payment = as_cashier.post("/api/payments/payments/initiate/", bank).json()
    done = as_admin.post(f"/api/payments/payments/{payment['id']}/confirm/", {"reference": "FT26333XK9"})
    assert done.status_code == 200, done.content
    cash = {"sale": sale["id"], "method": "cash", "amount": "500.00", "amount_tendered": "1000.00"}
    assert as_cashier.post("/api/payments/payments/initiate/", cash).json()["status"] == "success"
    return as_cashier.get(f"{SALES}{sale['id']}/").json()  # type: ignore[no-any-return]


def receipt(client: APIClient, sale: dict[str, Any], **asked: Any) -> Any:
    return client.get(f"{SALES}{sale['id']}/receipt/", asked)


EXPECTED = """\
       Duka la Mama Njeri
         Moi Avenue 12
            Nairobi
        PIN P051234567X
--------------------------------
Receipt                   000001
Sale{number:>28}
Date            {date}
Served by            Otieno Till
Customer                 Wanjiru
Phone                 0712***678
--------------------------------
Maziwa ya Brookside fresh milk
UHT long life pamoja na
kifurushi kirefu sana
  2 x 116.00              232.00
  Discount                -12.00
Café crème
  1.25 x 400.00           500.00
--------------------------------
Goods                     732.00
Discount                  -12.00
TOTAL KES                 720.00
Bank transfer             220.00
  FT26333XK9
Cash                    1,000.00
Change                    500.00
--------------------------------
Tax 16 % of 189.66         30.34
Tax 0 % of 500.00           0.00
--------------------------------
      Asante, karibu tena!
{centred}
"""


def test_every_line_of_it(as_cashier: APIClient, sale: dict[str, Any]) -> None:
    answer = receipt(as_cashier, sale, output="text", width=58)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    number, date = sale["sale_number"], sale["completed_at"][:16].replace("T", " ")
    centred = " " * ((32 - len(number)) // 2) + number
    expected = EXPECTED.format(number=number, date=date, centred=centred)
    assert answer.content.decode() == expected


@pytest.mark.parametrize("width", [58, 80])
def test_a_page_for_the_browser(as_cashier: APIClient, sale: dict[str, Any], width: int) -> None:
    answer = receipt(as_cashier, sale, width=width)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = html.unescape(answer.content.decode())
    assert f"size: {width}mm auto" in page
    for text in (
        LONG,
        "Café crème",
        "TOTAL KES",
        "720.00",
        "FT26333XK9",
        "0712***678",
        "<svg",
        "Tax 16 % of 189.66",
    ):
        assert text in page
    assert "0712345678" not in page
    assert "254712345678" not in page


@pytest.mark.parametrize("width", [58, 80])
def test_a_pdf_of_the_papers_width(as_cashier: APIClient, sale: dict[str, Any], width: int) -> None:
    answer = receipt(as_cashier, sale, output="pdf", width=width)
    assert answer.headers["Content-Type"] == "application/pdf"
    (page,) = PdfReader(BytesIO(answer.content)).pages
    assert float(page.mediabox.width) == pytest.approx(width / 25.4 * 72, abs=0.01)
    text = page.extract_text()
    for part in ("Duka la Mama Njeri", "Café crème", "TOTAL KES", "720.00", sale["sale_number"]):
        assert part in text
    assert receipt(as_cashier, sale, output="pdf", width=width).content == answer.content


@pytest.mark.parametrize("width", [58, 80])
def test_the_bytes_of_a_printer(as_cashier: APIClient, sale: dict[str, Any], width: int) -> None:
    answer = receipt(as_cashier, sale, output="escpos", width=width)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    data = answer.content
    assert data.startswith(b"\x1b@")
    assert re.search(rb"\x1dV.", data[-4:], re.DOTALL), "it is cut"
    # In code page 858 é is 0x82 and è is 0x8A.
    assert b"Caf\x82 cr\x8ame" in data
    assert b"TOTAL KES" + b" " * (COLUMNS[width] - 15) + b"720.00" in data
    (picture,) = pictures(data)
    assert zxingcpp.read_barcode(picture.convert("L")).text == sale["sale_number"]


def pictures(data: bytes) -> list[Image.Image]:
    """What a printer would draw."""
    found, at = [], data.find(RASTER)
    while at >= 0:
        across, high = (int.from_bytes(data[at + 4 + n : at + 6 + n], "little") for n in (0, 2))
        dots = data[at + 8 : at + 8 + across * high]
        found.append(Image.frombytes("1", (across * 8, high), bytes(255 - dot for dot in dots)))
        at = data.find(RASTER, at + 8 + len(dots))
    return found


@pytest.mark.parametrize("width", [58, 80])
def test_names_that_a_printer_lacks_are_drawn(width: int) -> None:
    plain, foreign = Row(Kind.TEXT, "Sukari ya kilo"), Row(Kind.TEXT, "Сахар 1 кг Ζάχαρη")
    (picture,) = pictures(as_escpos([plain, foreign], width))
    assert picture.width == {58: 384, 80: 576}[width]
    assert 300 < picture.histogram()[0] < picture.width * picture.height / 4, "it is written upon"
    assert not pictures(as_escpos([plain], width))
    (page,) = PdfReader(BytesIO(as_pdf([foreign], width))).pages
    assert page.extract_text().strip() == foreign.text


@given(st.lists(st.text(max_size=90), min_size=1, max_size=4), st.sampled_from([58, 80]))
def test_any_text_keeps_to_the_paper(texts: list[str], width: int) -> None:
    rows = [Row(kind, text, text[:40]) for text in texts for kind in Kind if kind is not Kind.CODE]
    for line in as_text(rows, width).splitlines():
        assert width_of(line) <= COLUMNS[width]
    assert as_escpos(rows, width)
    assert as_pdf(rows, width)


@given(st.text(alphabet="abc é漢", max_size=80))
def test_nothing_is_lost_by_wrapping(text: str) -> None:
    assert "".join("".join(wrapped(text, 10)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("change", "title"), [("nothing", "NOT PAID YET"), ("cancel", "CANCELLED"), ("refund", "REFUNDED")]
)
def test_what_is_no_receipt_says_so(
    as_admin: APIClient, as_cashier: APIClient, shelf: Callable[..., Any], change: str, title: str
) -> None:
    paid = {"amount_paid": "200.00"} if change == "refund" else {}
    items = [{"product": shelf().pk, "quantity": 1}]
    sale = as_cashier.post(SALES, {"items": items, **paid}).json()
    if change == "cancel":
        assert as_cashier.post(f"{SALES}{sale['id']}/cancel/").status_code == 200
    if change == "refund":
        payment = sale["payments"][0]["id"]
        asked = {"payment": payment, "amount": "116.00", "reason": "Broken"}
        refund = as_cashier.post("/api/payments/refunds/", asked)
        assert refund.status_code == 201, refund.content
        approved = as_admin.post(f"/api/payments/refunds/{refund.json()['id']}/approve/")
        assert approved.status_code == 200, approved.content
    text = receipt(as_cashier, sale, output="text").content.decode()
    assert title in text
    assert ("To pay" in text) is (change == "nothing")
    assert ("Refunded" in text) is (change == "refund")


def test_tax_on_top_of_prices(as_cashier: APIClient, shelf: Callable[..., Any], settings: Any) -> None:
    settings.PRICES_INCLUDE_TAX = False
    items = [{"product": shelf(price="100.00").pk, "quantity": 3}]
    sale = as_cashier.post(SALES, {"items": items, "amount_paid": "348.00"}).json()
    text = receipt(as_cashier, sale, output="text").content.decode()
    sums = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in text.splitlines() if "." in line}
    assert sums["3 x 100.00"] == sums["Goods"] == "300.00"
    assert (sums["Tax"], sums["TOTAL KES"], sums["Tax 16 % of 300.00"]) == ("48.00", "348.00", "48.00")


def test_whose_receipt_it_is(
    as_admin: APIClient, as_stranger: APIClient, as_nobody: APIClient, sale: dict[str, Any]
) -> None:
    assert receipt(as_admin, sale).status_code == 200
    answer = receipt(as_stranger, sale)
    assert (answer.status_code, answer.json()["code"]) == (404, "sale_not_found")
    assert receipt(as_nobody, sale).status_code == 401


@pytest.mark.parametrize(
    "asked", [{"output": "doc"}, {"width": "57"}, {"width": "8０"}, {"output": "HTML"}, {"width": "80 "}]
)
def test_what_is_not_offered(as_cashier: APIClient, sale: dict[str, Any], asked: dict[str, str]) -> None:
    answer = receipt(as_cashier, sale, **asked)
    assert (answer.status_code, list(answer.json())) == (400, list(asked))


@pytest.mark.parametrize("accept", ["application/pdf", "text/html,*/*;q=0.8", "image/png"])
def test_the_query_decides_and_not_what_a_browser_accepts(
    as_cashier: APIClient, sale: dict[str, Any], accept: str
) -> None:
    answer = as_cashier.get(f"{SALES}{sale['id']}/receipt/", {"output": "text"}, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")


def test_markup_in_names_is_text(as_cashier: APIClient, shelf: Callable[..., Any], settings: Any) -> None:
    settings.SHOP_NAME = "<script>alert(1)</script>"
    items = [{"product": shelf("<img src=x onerror=alert(2)>").pk, "quantity": 1}]
    page = receipt(as_cashier, as_cashier.post(SALES, {"items": items}).json()).content.decode()
    assert "&lt;script&gt;" in page
    assert "&lt;img src=x" in page
    assert "<img" not in page
    assert "<script" not in page
