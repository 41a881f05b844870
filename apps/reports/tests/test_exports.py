"""The files: complete, typed, and without a single formula, whatever the names in them."""

import csv
import gc
import io
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from apps.reports import exporting
from apps.reports.exporting import Chart, Column, Kind, ReportFile, Table, files, safe_text
from apps.reports.tables.reconciliation import COLUMNS

pytestmark = pytest.mark.django_db
URL = "/api/reports/reconciliation/"
Make = Callable[..., Any]
HOSTILE = (
    "=1+1",
    "+254712345678",
    "-2",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\n=1",
    "\0=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1+1",
    "\x01=cmd|' /C calc'!A0",
    '="a";"b"\n=1',
    "\r\n@x",
    "\u00a0-1",
    "\ufeff=1+1",
)


def content(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def read_csv(body: bytes) -> list[list[str]]:
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def read_xlsx(body: bytes) -> list[list[Any]]:
    (sheet,) = load_workbook(io.BytesIO(body)).worksheets
    assert not [cell for row in sheet.rows for cell in row if cell.data_type in ("f", "e")]
    return [[cell.value for cell in row] for row in sheet.rows]


def made(kind: str, columns: dict[str, Kind], rows: Any, **more: Any) -> bytes:
    """The file of one table called `things`."""
    wanted = [Column(name, what) for name, what in columns.items()]
    return content(ReportFile(kind, [Table("things", wanted, rows, **more)]).answer("x"))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    shown = safe_text(text)
    assert shown[0] == "'"
    assert not {"\0", "\x01"} & set(shown)
    columns, rows = {"a": Kind.TEXT, "b": Kind.MONEY}, [[text, Decimal("-2.50")]]
    assert read_csv(made("csv", columns, rows)) == [["section", "a", "b"], ["things", shown, "-2.50"]]
    (_, (in_xlsx, amount)) = read_xlsx(made("xlsx", columns, rows))
    assert (in_xlsx, amount) == (shown.replace("\r\n", "\n").replace("\r", "\n"), -2.5)


@pytest.mark.parametrize(
    "text",
    ["", "Wanjirũ", 'He said "hi"', "a;=1+1", "a\n=b", "#N/A", "TRUE", "0712", "_x0041_", "<b>&amp;</b>"],
)
def test_other_text_is_as_it_was(text: str) -> None:
    assert safe_text(text) == text
    assert read_csv(made("csv", {"a": Kind.TEXT}, [[text]]))[1] == ["things", text]
    (_, row) = read_xlsx(made("xlsx", {"a": Kind.TEXT, "b": Kind.ID}, [[text, 1]]))
    # openpyxl reads back what a spreadsheet unescapes.
    assert [cell if cell != "_x005F_x0041_" else "_x0041_" for cell in row] == [text or None, 1]


def test_what_xml_cannot_hold_is_left_out() -> None:
    columns = {"a": Kind.TEXT, "b": Kind.DATE, "c": Kind.MONEY, "d": Kind.ID}
    rows = [["a\x08b\ufffec\ud800", date(2026, 11, 22), None, 7], ["x" * 40_000, None, None, None]]
    (_, first, long, _) = read_xlsx(made("xlsx", columns, rows))
    assert first == ["abc", datetime(2026, 11, 22), None, 7]  # noqa: DTZ001 - a spreadsheet's day has no zone
    assert len(long[0]) == 32_767
    assert read_csv(made("csv", columns, rows))[1] == ["things", "abc", "2026-11-22", "", "7"]


def test_text_that_looks_like_the_inside_of_a_sheet_stays_text() -> None:
    text = '<r><t>x</t></r></is></c><c r="B2"><v>1000000</v></c><c t="inlineStr"><is><r></r>'
    assert read_xlsx(made("xlsx", {"a": Kind.TEXT}, [[text]])) == [["A"], [f"'{text}"]]


def test_each_kind_of_cell() -> None:
    columns = {
        "label": Kind.TEXT,
        "id": Kind.ID,
        "count": Kind.COUNT,
        "quantity": Kind.QUANTITY,
        "money": Kind.MONEY,
        "share": Kind.PERCENT,
        "date": Kind.DATE,
        "hour": Kind.HOUR,
    }
    day = date(2026, 3, 2)
    rows = [
        ["a", 7, 1200, Decimal("1.250"), Decimal("-1250.5"), Decimal("21.50"), day, 9],
        [None, None, 1, Decimal("3.000"), Decimal("999999999999.99"), Decimal(0), None, 23],
    ]
    assert read_csv(made("csv", columns, rows))[1:] == [
        ["things", "a", "7", "1200", "1.25", "-1250.50", "21.50", "2026-03-02", "9"],
        ["things", "", "", "1", "3", "999999999999.99", "0.00", "", "23"],
    ]
    (sheet,) = load_workbook(io.BytesIO(made("xlsx", columns, rows))).worksheets
    heading, first, second, total = sheet.rows
    assert [cell.value for cell in heading][:2] == ["Label", "Id"]
    assert all(cell.font.bold for cell in heading)
    assert (sheet.title, sheet.freeze_panes) == ("Things", "A2")
    moment = datetime(2026, 3, 2)  # noqa: DTZ001
    assert [cell.value for cell in first] == ["a", 7, 1200, 1.25, -1250.5, 0.215, moment, 9]
    assert [cell.number_format for cell in first] == [
        "General", "0", "#,##0", "#,##0.###", "#,##0.00", "0.00%", "yyyy-mm-dd", '00":00"',
    ]  # fmt: skip
    assert second[4].value == 999999999999.99
    assert [cell.value for cell in total] == ["Total", None, 1201, 4.25, 999999998749.49, None, None, None]
    assert (total[4].number_format, total[4].font.bold) == ("#,##0.00", True)
    assert [sheet.column_dimensions[letter].width > 9 for letter in "ABCDEFGH"] == [True] * 8


def test_a_table_without_rows_is_a_heading() -> None:
    columns = {"a": Kind.TEXT, "b": Kind.MONEY}
    assert read_csv(made("csv", columns, [])) == [["section", "a", "b"]]
    assert read_xlsx(made("xlsx", columns, [], chart=Chart("x", "a", ["b"]))) == [["A", "B"]]


def test_a_file_that_fails_leaves_nothing_behind(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def rows() -> Any:
        yield ["a"]
        raise ArithmeticError

    for kind in ("csv", "xlsx"):
        with pytest.raises(ArithmeticError):
            made(kind, {"a": Kind.TEXT}, rows())
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    made("xlsx", {"a": Kind.TEXT}, [["a"]])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_would_take_too_long_is_refused(
    as_admin: APIClient, payment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(files.MAX_ROWS, "csv", 2), monkeypatch.setitem(files.MAX_ROWS, "xlsx", 1)
    payment("1.00"), payment("2.00")
    refused = as_admin.get(f"{URL}?export=xlsx")
    assert (refused.status_code, refused.json()) == (
        400,
        {"export": ["These are 2 rows; xlsx takes 1. Use csv or a shorter period."]},
    )
    assert len(read_csv(content(as_admin.get(f"{URL}?export=csv")))) == 3
    payment("3.00")
    too_many = as_admin.get(f"{URL}?export=csv").json()
    assert too_many == {"export": ["These are 3 rows; csv takes 2. Use a shorter period."]}
    with pytest.raises(ValidationError):
        exporting.export_kind("CSV")


def test_the_reconciliation_as_files(
    as_admin: APIClient, payment: Make, message: Make, refund: Make, sale: dict[str, Any]
) -> None:
    paid = payment(
        "116.00",
        transaction_reference="PAY-1",
        external_reference="=HYPERLINK(1)",
        metadata={"late_money": "16.00"},
        attention="-5 too much",
    )
    said = message("unmatched", "-7.00", transaction_id="+1", error_message="@x", repeats=3)
    back = refund(paid, "16.00", status="processing", attention="\tslow", refund_reference="REF-1")
    as_csv = as_admin.get(f"{URL}?period=custom&start_date=2026-11-01&end_date=2026-11-30&export=csv")
    as_xlsx = as_admin.get(f"{URL}?period=week&export=xlsx")
    assert as_csv["Content-Type"] == "text/csv; charset=utf-8"
    assert as_csv["Content-Disposition"] == 'attachment; filename="reconciliation-2026-11-01-2026-11-30.csv"'
    assert as_xlsx["Content-Type"].endswith("spreadsheetml.sheet")
    assert (
        as_xlsx["Content-Disposition"] == 'attachment; filename="reconciliation-2026-11-16-2026-11-22.xlsx"'
    )
    noon, number = "2026-11-22T12:00:00+03:00", sale["sale_number"]
    row = {
        "date": "2026-11-22",
        "method": "M-Pesa",
        "kind": "payment",
        "id": str(paid.pk),
        "sale_number": number,
        "reference": "PAY-1",
        "receipt": "'=HYPERLINK(1)",
        "amount": "116.00",
        "amount_received": "116.00",
        "amount_applied": "116.00",
        "amount_refunded": "0.00",
        "late_money": "16.00",
        "status": "success",
        "started_at": "2026-11-22T11:59:40+03:00",
        "completed_at": noon,
        "remark": "'-5 too much",
    }
    callback = {
        "section": "unmatched_callbacks",
        "date": "2026-11-22",
        "method": "M-Pesa",
        "kind": "callback",
        "id": str(said.pk),
        "reference": "'+1",
        "amount": "-7.00",
        "status": "unmatched",
        "started_at": noon,
        "remark": "'@x",
        "repeats": "3",
    }
    slow = {
        "section": "needs_attention",
        "date": "2026-11-22",
        "method": "M-Pesa",
        "kind": "refund",
        "id": str(back.pk),
        "sale_number": number,
        "reference": "REF-1",
        "amount": "16.00",
        "status": "processing",
        "started_at": noon,
        "remark": "'\tslow",
    }
    expected = [
        {"section": "matched", **row},
        callback,
        {"section": "late_money", **row},
        {"section": "needs_attention", **row},
        slow,
    ]
    heading, *lines = read_csv(content(as_csv))
    assert heading == [column.name for column in COLUMNS]
    assert [{k: v for k, v in zip(heading, line, strict=True) if v} for line in lines] == expected
    sheet_heading, *sheet = read_xlsx(content(as_xlsx))
    assert sheet_heading == [column.label for column in COLUMNS]
    table = [dict(zip(heading, line, strict=True)) for line in sheet]
    assert [(r["section"], r["date"], r["amount"], r["id"]) for r in table] == [
        ("matched", datetime(2026, 11, 22), 116, paid.pk),  # noqa: DTZ001
        ("unmatched_callbacks", datetime(2026, 11, 22), -7, said.pk),  # noqa: DTZ001
        ("late_money", datetime(2026, 11, 22), 116, paid.pk),  # noqa: DTZ001
        ("needs_attention", datetime(2026, 11, 22), 116, paid.pk),  # noqa: DTZ001
        ("needs_attention", datetime(2026, 11, 22), 16, back.pk),  # noqa: DTZ001
    ]
    assert [(r["receipt"], r["reference"], r["remark"]) for r in table[:2]] == [
        ("'=HYPERLINK(1)", "PAY-1", "'-5 too much"),
        (None, "'+1", "'@x"),
    ]
