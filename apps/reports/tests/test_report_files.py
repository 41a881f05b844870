"""The reports' files: the figures of the JSON to the cent, complete, each table on its own sheet, and a chart."""

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook
from rest_framework.test import APIClient

from apps.products.models import Category, Product
from apps.reports.exporting import Kind, ReportFile, files, safe_text
from apps.reports.tests.test_exports import HOSTILE, content
from apps.reports.tests.till import Till
from apps.sales.models import Sale
from apps.users.models import User
from tests.figures import show

pytestmark = pytest.mark.django_db
Story = dict[str, Any]
Way = Callable[[], str]
People = dict[str, APIClient]
DAYS = "start_date=2026-03-02&end_date=2026-03-10"
REPORTS = {
    f"sales/?{DAYS}": "sales-2026-03-02-2026-03-10",
    "sales/?period=today": "sales-2026-03-10-2026-03-10",
    f"profit/?{DAYS}": "profit-2026-03-02-2026-03-10",
    "inventory/?period=year": "inventory-2026-03-10",
    "day-end/?date=2026-03-03": "day-end-2026-03-03",
    "dashboard/?x=1": "dashboard-2026-03-10",
}
SHEETS = {
    "sales": ["Totals", "Days", "Hours", "Payment methods", "Sales by cashier", "Categories", "Products"],
    "profit": ["Totals", "Days", "Categories", "Products"],
    "inventory": ["Totals", "Categories", "Products"],
    "day-end": ["Totals", "Tax rates", "Payment methods", "Sales by cashier", "Hours"],
    "dashboard": ["Totals", "Days", "Products", "Recent sales"],
}
# Sheet and columns of the chart: what along, what of.
CHARTS = {
    f"sales/?{DAYS}": ("Days", "A", "C", 9),
    "sales/?period=today": ("Hours", "A", "C", 24),
    f"profit/?{DAYS}": ("Days", "A", "D", 9),
    "inventory/?period=year": ("Categories", "A", "D", 4),
    "day-end/?date=2026-03-03": ("Payment methods", "A", "C", 1),
    "dashboard/?x=1": ("Days", "A", "B", 7),
}

# What a spreadsheet takes for the beginning of a formula, and what it leaves out in front of one.
FORMULA = re.compile(r"[\s\ufeff\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
REFUSED: list[str] = []


def lines(client: APIClient, address: str) -> list[dict[str, str]]:
    """The lines of the CSV, without the cells that are empty."""
    body = content(client.get(f"/api/reports/{address}&export=csv"))
    heading, *found = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    assert heading[0] == "section"
    assert len(set(heading)) == len(heading)
    return [{name: cell for name, cell in zip(heading, line, strict=True) if cell} for line in found]


def section(found: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    return [{k: v for k, v in line.items() if k != "section"} for line in found if line["section"] == name]


def together(found: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(line[column]) for line in found), Decimal(0))


def book(client: APIClient, address: str) -> Any:
    body = content(client.get(f"/api/reports/{address}&export=xlsx"))
    return load_workbook(io.BytesIO(body))


@pytest.mark.parametrize(("address", "name"), REPORTS.items())
def test_names_and_types(people: People, story: Story, address: str, name: str) -> None:
    as_csv = people["amina"].get(f"/api/reports/{address}&export=csv")
    as_xlsx = people["amina"].get(f"/api/reports/{address}&export=xlsx")
    assert as_csv["Content-Type"] == "text/csv; charset=utf-8"
    assert as_csv["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert int(as_csv["Content-Length"]) == len(content(as_csv))
    assert as_xlsx["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert as_xlsx["Content-Disposition"] == f'attachment; filename="{name}.xlsx"'


@pytest.mark.parametrize("address", REPORTS)
def test_the_workbook_says_what_the_csv_says(people: People, story: Story, address: str) -> None:
    """Sheet by sheet and cell by cell, and below the cells the sums of those that add up."""
    found = lines(people["amina"], address)
    workbook = book(people["amina"], address)
    assert workbook.sheetnames == [*SHEETS[address.partition("/")[0]], "Chart"]
    for sheet in workbook.worksheets:
        wanted = [
            {label(name): value for name, value in line.items()}
            for line in section(found, sheet.title.lower().replace(" ", "_"))
        ]
        rows = [list(row) for row in sheet.rows]
        assert not [cell for row in rows for cell in row if cell.data_type in ("f", "e")]
        if sheet.title == "Totals":
            assert [{name.value: shown(value) for name, value in rows}] == wanted
            continue
        cells, below = rows[1 : len(wanted) + 1], rows[len(wanted) + 1 :]
        names = [cell.value for cell in rows[0]]
        assert [named(names, row) for row in cells] == wanted
        assert len(below) == (len(wanted) > 1)
        for name, total in named(names, below[0]).items() if below else ():
            assert total == "Total" or Decimal(total) == together(wanted, name), (sheet.title, name)


def named(names: list[str], row: list[Any]) -> dict[str, str]:
    return {name: shown(cell) for name, cell in zip(names, row, strict=True) if cell.value is not None}


def label(name: str) -> str:
    return {"sku": "SKU", "id": "Id"}.get(name, name.replace("_", " ").capitalize())


def shown(cell: Any) -> str:
    """A cell as it stands in CSV."""
    value = cell.value
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, str):
        return value
    if cell.number_format == "0.00%":
        return f"{Decimal(str(value)) * 100:.2f}"
    return f"{Decimal(str(value)):.2f}" if cell.number_format == "#,##0.00" else f"{value}"


@pytest.mark.parametrize(("address", "wanted"), CHARTS.items())
def test_the_chart(people: People, story: Story, address: str, wanted: tuple[str, str, str, int]) -> None:
    workbook = book(people["amina"], address)
    (chart,) = workbook.chartsheets[0]._charts
    (series,) = chart.series
    title, along, values, rows = wanted
    name = f"'{title}'" if " " in title else title
    categories = series.cat.strRef or series.cat.numRef
    for column, drawn in ((values, series.val.numRef), (along, categories)):
        end = f":${column}${rows + 1}" if rows > 1 else ""
        assert drawn.f == f"{name}!${column}$2{end}"


def test_the_sales_files_are_the_report(people: People, story: Story, way: Way) -> None:
    way()
    report = people["amina"].get(f"/api/reports/sales/?{DAYS}").json()
    found = lines(people["amina"], f"sales/?{DAYS}")
    (totals,) = section(found, "totals")
    assert totals == {
        name: str(report[name])
        for name in ("start", "end", "currency", "total_transactions", "total_revenue", "total_tax",
                     "total_discount", "total_refunds", "net_revenue", "average_sale")
    }  # fmt: skip
    days = section(found, "days")
    assert [(line["date"], Decimal(line["total_revenue"])) for line in days] == [
        (point["date"], Decimal(str(point["sales"]))) for point in report["chart_data"]
    ]
    for name in ("total_transactions", "total_revenue", "total_tax", "total_discount", "total_refunds"):
        for part in ("days", "sales_by_cashier"):
            assert together(section(found, part), name) == Decimal(totals[name]), (part, name)
    for part in ("hours", "categories", "products"):
        assert together(section(found, part), "total_revenue") == Decimal("1172.80")
    for part in ("categories", "products"):
        assert together(section(found, part), "total_tax") == Decimal("109.79")
        assert together(section(found, part), "total_discount") == Decimal("88.00")
    assert together(section(found, "payment_methods"), "total") == Decimal("1172.80")
    assert together(section(found, "payment_methods"), "total_refunds") == Decimal("301.90")
    assert section(found, "payment_methods")[1] == {
        "method": "Bank transfer",
        "count": "1",
        "total": "100.00",
        "refunds": "1",
        "total_refunds": "100.00",
    }
    milk = Product.objects.get(name="Milk")
    assert section(found, "products")[0] == {
        "product_name": "Milk",
        "sku": "SKU-1",
        "category_name": "Dairy",
        "product": str(milk.pk),
        "quantity_sold": "6",
        "total_revenue": "675.43",
        "total_tax": "93.16",
        "total_discount": "20.57",
    }


def test_the_profit_files_are_the_report(people: People, story: Story, way: Way) -> None:
    way()
    report = people["amina"].get(f"/api/reports/profit/?{DAYS}").json()
    found = lines(people["amina"], f"profit/?{DAYS}")
    (totals,) = section(found, "totals")
    assert totals == {
        name: value
        for name, value in report.items()
        if name not in ("product_profit", "category_profit", "chart_data")
    }
    for part in ("days", "categories", "products"):
        for name, total in (("revenue", "1063.01"), ("cost", "854.30"), ("profit", "208.71")):
            assert together(section(found, part), name) == Decimal(total), (part, name)
    assert [
        {name: line[name] for name in ("product_name", "revenue", "cost", "profit", "margin")}
        for line in section(found, "products")
    ] == [
        {name: row[name] for name in ("product_name", "revenue", "cost", "profit", "margin")}
        for row in report["product_profit"]
    ]


def test_the_inventory_file_is_the_shelf(people: People, story: Story) -> None:
    Product.objects.filter(name="Bread").update(is_active=False)
    Product.objects.filter(name="Soap").update(
        low_stock_threshold="48.000", barcode="0012", barcode_key="0012"
    )
    report = people["amina"].get("/api/reports/inventory/").json()
    found = lines(people["amina"], "inventory/?x=1")
    products = section(found, "products")
    assert [line["product_name"] for line in products] == ["Gas", "Milk", "Rice", "Soap"]
    assert together(products, "stock_value") == Decimal(report["total_stock_value"])
    assert together(products, "retail_value") == Decimal(report["total_retail_value"])
    assert together(section(found, "categories"), "stock_value") == Decimal(report["total_value"])
    soap = products[3]
    assert soap.pop("product") == str(Product.objects.get(name="Soap").pk)
    assert soap == {
        "product_name": "Soap",
        "sku": "SKU-5",
        "barcode": "0012",
        "category_name": "Uncategorised",
        "stock": "48",
        "low_stock_threshold": "48",
        "stock_status": "low",
        "cost_price": "40.00",
        "price": "65.00",
        "stock_value": "1920.00",
        "retail_value": "3120.00",
    }
    assert [line["stock_status"] for line in products] == ["ok", "ok", "ok", "low"]


def test_the_day_end_and_the_dashboard_as_files(people: People, story: Story, way: Way) -> None:
    way()
    found = lines(people["amina"], "day-end/?date=2026-03-03")
    (totals,) = section(found, "totals")
    assert totals["cancelled_total"] == "60.00"
    assert (totals["cash_received"], totals["cash_refunded"], totals["cash_expected"]) == (
        "520.90",
        "58.00",
        "462.90",
    )
    assert (totals["first_receipt"], totals["refunded_tax"]) == ("000003", "8.00")
    assert section(found, "tax_rates")[0] == {
        "rate": "16.00",
        "net": "336.24",
        "tax": "53.79",
        "total": "390.03",
    }
    own = lines(people["otieno"], "dashboard/?x=1")
    assert section(own, "totals")[0]["month_revenue"] == "868.90"
    assert {line["cashier_name"] for line in section(own, "recent_sales")} == {"Otieno Till"}
    everybody = lines(people["amina"], "dashboard/?x=1")
    assert section(everybody, "totals")[0]["month_revenue"] == "1172.80"
    assert section(everybody, "products")[0]["sales"] == "675.43"


def test_files_hold_what_the_json_leaves_out(people: People, till: Till, shelf: Any) -> None:
    """The report shows the ten products that brought most, the file all twelve."""
    for number in range(12):
        till.goods[f"p{number}"] = shelf(f"P{number:02}", f"{number + 1}.00", stock=5, tax="0.00")
    basket = {f"p{number}": 1 for number in range(12)}
    till.sell(people["otieno"], "2026-03-02 09:00", basket, amount_paid="78.00")
    till.clock.set("2026-03-10 20:00")
    report = people["amina"].get(f"/api/reports/sales/?{DAYS}").json()
    products = section(lines(people["amina"], f"sales/?{DAYS}"), "products")
    assert len(report["top_products"]) == 10
    assert [line["total_revenue"] for line in products] == [f"{price}.00" for price in range(12, 0, -1)]
    earned = section(lines(people["amina"], f"profit/?{DAYS}"), "products")
    assert together(earned, "profit") == Decimal("78.00")


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if "\0" not in text])
def test_no_name_becomes_a_formula(people: People, till: Till, hostile: str) -> None:
    otieno = people["otieno"]
    till.sell(otieno, "2026-03-02 09:00", {"milk": 1}, amount_paid="116.00", customer_name="Ann")
    Sale.objects.update(customer_name=hostile)
    Product.objects.filter(name="Milk").update(name=hostile, sku=hostile)
    Category.objects.filter(name="Dairy").update(name=hostile)
    User.objects.filter(username="otieno").update(first_name=hostile, last_name="")
    till.clock.set("2026-03-02 20:00")
    no_formula_in_any_report(people["amina"])
    (product,) = section(lines(people["amina"], "sales/?x=1"), "products")
    assert product["product_name"] == safe_text(hostile)
    REFUSED.append(hostile)


def test_enough_names_were_tried() -> None:
    if not REFUSED:
        pytest.skip("the names were not tried")
    extent = f"{len(REFUSED)} names of goods, categories, cashiers and customers in 5 reports, twice"
    show(
        "S12",
        "text in CSV and XLSX files that a spreadsheet would compute",
        extent,
        "0 formulas, 0 new cells",
    )
    assert len(REFUSED) == len(HOSTILE) - 1


def no_formula_in_any_report(amina: APIClient) -> None:
    for address in ("sales/?x=1", "profit/?x=1", "inventory/?x=1", "day-end/?x=1", "dashboard/?x=1"):
        for line in lines(amina, address):
            texts = [value for value in line.values() if not re.fullmatch(r"-?[0-9.]+", value)]
            assert not [text for text in texts if FORMULA.match(text)], line
        for sheet in book(amina, address).worksheets:
            cells = [cell for row in sheet.rows for cell in row]
            assert {cell.data_type for cell in cells} <= {"s", "n", "d", "inlineStr"}
            texts = [cell.value for cell in cells if isinstance(cell.value, str)]
            assert not [text for text in texts if FORMULA.match(text)]


def test_names_never_become_formulas(people: People, till: Till) -> None:
    otieno = people["otieno"]
    till.sell(otieno, "2026-03-02 09:00", {"milk": 1}, amount_paid="116.00", customer_name="=HYPERLINK(1)")
    Product.objects.filter(name="Milk").update(name="=1+1|cmd", sku="@SUM(A1)")
    Category.objects.filter(name="Dairy").update(name="\t-2")
    User.objects.filter(username="otieno").update(first_name="+254", last_name="<r>")
    till.clock.set("2026-03-02 20:00")
    amina = people["amina"]
    no_formula_in_any_report(amina)
    (product,) = section(lines(amina, "sales/?x=1"), "products")
    assert (product["product_name"], product["sku"]) == ("'=1+1|cmd", "'@SUM(A1)")
    assert section(lines(amina, "sales/?x=1"), "sales_by_cashier")[0]["cashier_name"] == "'+254 <r>"


def test_too_many_rows_are_refused(people: People, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(files.MAX_ROWS, "csv", 5), monkeypatch.setitem(files.MAX_ROWS, "xlsx", 4)
    for address in ("sales/?period=month", "profit/?period=month", "inventory/?x=1"):
        assert people["amina"].get(f"/api/reports/{address}&export=csv").status_code == 200
        refused = people["amina"].get(f"/api/reports/{address}&export=xlsx")
        assert refused.status_code == 400
        assert refused.json() == {"export": ["These are 5 rows; xlsx takes 4. Use csv or a shorter period."]}


def test_columns_of_one_name_are_of_one_kind(
    people: People, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a CSV can be pivoted over its sections."""
    seen: list[Any] = []

    def noting(kind: str, tables: Any) -> ReportFile:
        seen.append(tables)
        return ReportFile(kind, tables)

    monkeypatch.setattr("apps.reports.views.answering.ReportFile", noting)
    for name in SHEETS:
        assert people["amina"].get(f"/api/reports/{name}/?export=csv").status_code == 200
    assert len(seen) == 5
    for tables in seen:
        kinds: dict[str, Kind] = {}
        for column in (column for table in tables for column in table.columns):
            assert kinds.setdefault(column.name, column.kind) is column.kind, column.name
