"""`manage.py reconcile_statement`: every shape in which the statement comes, and what is found in it."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.payments import statement
from apps.payments.models import Payment, Refund
from apps.payments.states import SETTLED
from apps.products.models import Product
from apps.users.models import User

pytestmark = pytest.mark.django_db
HEADING = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)
PREAMBLE = """\
Account Holder:,DUKA LA AMINA,,
Short Code:,600123,,
Account:,Utility Account,,
Time Period:,From 22-11-2026 00:00:00 To 22-11-2026 23:59:59,,
Operator:,amina,,

"""
# 12:00 in Nairobi
NOON = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
Make = Callable[..., Any]


@pytest.fixture
def payment(as_cashier: APIClient, cashier: User, shelf: Callable[..., Product]) -> Make:
    sale = as_cashier.post(
        "/api/sales/sales/", {"items": [{"product": shelf(price="116.00").pk, "quantity": 1}]}
    ).json()

    def make(receipt: str | None, amount: str, *, at: datetime = NOON, **fields: Any) -> Payment:
        settled = fields.setdefault("status", "success") in SETTLED
        return Payment.objects.create(
            sale_id=sale["id"],
            initiated_by=cashier,
            amount=Decimal(amount),
            amount_received=Decimal(amount if settled else "0.00"),
            external_reference=receipt,
            transaction_reference=fields.pop("reference", f"PAY-{receipt}"),
            initiated_at=at - timedelta(seconds=20),
            completed_at=at if settled else None,
            **{"method": "mpesa", "phone_number": "254712345678", **fields},
        )

    return make


@pytest.fixture
def refund(db: None) -> Make:
    def make(payment: Payment, amount: str, receipt: str | None = None, **fields: Any) -> Refund:
        return Refund.objects.create(
            payment=payment,
            amount=Decimal(amount),
            external_reference=receipt,
            refund_reference=f"REF-{receipt or payment.external_reference}",
            requested_at=NOON,
            **{"method": "mpesa", "status": "completed", "completed_at": NOON, **fields},
        )

    return make


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def make(*lines: str, before: str = "", encoding: str = "utf-8", heading: str = HEADING) -> Path:
        path = tmp_path / "statement.csv"
        path.write_bytes((before + "\n".join((heading, *lines)) + "\n").encode(encoding))
        return path

    return make


def line(receipt: str, paid_in: str = "", withdrawn: str = "", **cells: str) -> str:
    values = {
        "time": "22-11-2026 12:00:05",
        "details": "Pay Bill Online",
        "status": "Completed",
        "reason": "Pay Bill Online",
        "party": "254712345678 - JOHN DOE",
        "linked": "",
        "account": "",
        **cells,
    }
    return (
        '{receipt},{time},{time},"{details}",{status},"{paid_in}","{withdrawn}","9,999.00",true,{reason},{party},'
        "{linked},{account}"
    ).format(receipt=receipt, paid_in=paid_in, withdrawn=withdrawn, **values)


def run(path: Path, *options: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    out = io.StringIO()
    try:
        call_command("reconcile_statement", str(path), *options, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def as_json(path: Path, *options: str) -> dict[str, Any]:
    code, printed = run(path, "--json", *options)
    found = json.loads(printed)
    assert code == (0 if found["agrees"] else 1)
    return found


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name]["count"] for name in statement.KINDS if found[name]["count"]}


def test_both_sides_agree(payment: Make, refund: Make, file: Make) -> None:
    back = payment("SGH0000001", "1250.00")
    payment("SGH0000002", "40.00", reference="PAY-2")
    refund(back, "1250.00", "SGH0000009")
    refund(back, "5.00", None, method="cash")
    payment("SGH0000003", "70.00", at=NOON - timedelta(days=2))
    payment("FT1", "70.00", method="bank", reference="PAY-4")
    path = file(
        line("SGH0000001", "1,250.00"),
        line("SGH0000001", "", "-7.00", reason="Pay Bill Charge", details="Pay Bill Charge"),
        line("SGH0000002", "40.00"),
        line("SGH0000009", "", "-1,250.00", reason="Transaction Reversal", linked="SGH0000001"),
        line("SGH0000010", "", "30,000.00", reason="Organization Settlement", party="Bank"),
        line("SGH0000011", "40.00", status="Failed"),
        line("SGH0000012", "40.00", status="Cancelled"),
        before=PREAMBLE,
    )
    before = list(Payment.objects.order_by("id").values()), list(Refund.objects.order_by("id").values())
    assert run(path) == (
        0,
        "7 lines from 2026-11-22 00:00:00 until 2026-11-23 00:00:00\n"
        "\n"
        "Payments matched: 2, KES 1290.00\n"
        "Refunds matched: 1, KES 1250.00\n"
        "Charges: 1, KES 7.00\n"
        "Other withdrawals, not compared: 1, KES 30000.00\n"
        "Lines that were not completed: 2, KES 80.00\n"
        "\n"
        "Payments: statement 1290.00, ours 1290.00, difference 0.00\n"
        "Refunds: statement 1250.00, ours 1250.00, difference 0.00\n"
        "Both sides agree.\n",
    )
    assert before == (
        list(Payment.objects.order_by("id").values()),
        list(Refund.objects.order_by("id").values()),
    )


def test_everything_that_can_differ(payment: Make, refund: Make, file: Make, admin: User) -> None:
    payment("SGH0000001", "100.00")
    typed = payment("sgh0000002", "50.00", confirmed_by=admin)
    payment("SGH0000003", "30.00", confirmed_by=admin, at=NOON + timedelta(minutes=1))
    payment(None, "25.00", reference="PAY-N", at=NOON + timedelta(minutes=2))
    payment(None, "26.00", reference="PAY-O", at=NOON + timedelta(minutes=3))
    refund(typed, "20.00", "SGH0000020")
    lost = payment("SGH0000004", "60.00", at=NOON + timedelta(minutes=4))
    refund(lost, "60.00", None, completed_at=NOON + timedelta(minutes=4))
    path = file(
        line("SGH0000001", "90.00"),
        line("SGH0000002", "50.00"),
        line("SGH0000004", "60.00"),
        line("SGH0000005", "25.00", party="2547******678 - J***"),
        line("SGH0000006", "26.00", party="0712 000 111"),
        line("SGH0000007", "80.00", party="0712000111 - \x1b[31mJANE", account="0712000111", details="x"),
        line("SGH0000007", "80.00", party="0712000111 - JANE"),
        line("SGH0000002", "50.00"),
        line("SGH0000020", "", "21.00", reason="Business Payment to Customer via API"),
        line("SGH0000021", "", "15.00", reason="Transaction Reversal", linked="SGH0000001"),
        line("SGH0000022", "", "16.00", reason="Business Payment to Customer"),
        before=PREAMBLE,
    )
    assert run(path) == (
        1,
        "11 lines from 2026-11-22 00:00:00 until 2026-11-23 00:00:00\n"
        "\n"
        "Payments matched: 2, KES 110.00\n"
        "Probably the payment whose receipt never came (same amount, time and number): 1, KES 25.00\n"
        "  SGH0000005  2026-11-22 12:00:05  statement 25.00  ours 25.00  PAY-N  ***678\n"
        "The amount differs: 1, KES 90.00\n"
        "  SGH0000001  2026-11-22 12:00:05  statement 90.00  ours 100.00  PAY-SGH0000001  254712***678\n"
        "Paid in by the statement, not in ours: 2, KES 106.00\n"
        "  SGH0000006  2026-11-22 12:00:05  statement 26.00  254712***111  Pay Bill Online\n"
        "  SGH0000007  2026-11-22 12:00:05  statement 80.00  254712***111  Pay Bill Online 071***111\n"
        "Settled in ours, not in the statement: 2, KES 56.00\n"
        "  SGH0000003  2026-11-22 12:01:00  ours 30.00  PAY-SGH0000003  254712***678  Confirmed by hand.\n"
        "  no receipt  2026-11-22 12:03:00  ours 26.00  PAY-O  254712***678  Its receipt never came.\n"
        "The refund's amount differs: 1, KES 21.00\n"
        "  SGH0000020  2026-11-22 12:00:05  statement 21.00  ours 20.00  REF-SGH0000020  254712***678\n"
        "Sent back by the statement, not in ours: 2, KES 31.00\n"
        "  SGH0000021  2026-11-22 12:00:05  statement 15.00  PAY-SGH0000001  254712***678  Transaction Reversal\n"
        "  SGH0000022  2026-11-22 12:00:05  statement 16.00  254712***678  Business Payment to Customer\n"
        "Refunded in ours, not in the statement: 1, KES 60.00\n"
        "  no receipt  2026-11-22 12:04:00  ours 60.00  REF-SGH0000004  254712***678\n"
        "Lines that were there before: 2, KES 130.00\n"
        "\n"
        "Payments: statement 331.00, ours 291.00, difference 40.00\n"
        "Refunds: statement 52.00, ours 80.00, difference -28.00\n"
        "The two sides do not agree.\n",
    )
    found = as_json(path)
    assert (found["agrees"], found["lines"], found["currency"]) == (False, 11, "KES")
    assert found["payments"] == {"statement": "331.00", "ours": "291.00", "difference": "40.00"}
    assert found["matched"] == {"count": 2, "statement": "110.00", "ours": "110.00"}
    assert found["probably"] == {
        "count": 1,
        "statement": "25.00",
        "ours": "25.00",
        "rows": [
            {
                "receipt": "SGH0000005",
                "completed_at": "2026-11-22T12:00:05+03:00",
                "statement": "25.00",
                "ours": "25.00",
                "reference": "PAY-N",
                "phone_number": "***678",
                "remark": "",
            }
        ],
        "more": 0,
    }
    assert (found["begins"], found["ends"]) == ("2026-11-22T00:00:00+03:00", "2026-11-23T00:00:00+03:00")


def test_a_reversal_without_a_receipt_of_ours_is_found_by_its_link(
    payment: Make, refund: Make, file: Make
) -> None:
    back = payment("SGH0000001", "100.00")
    refund(back, "100.00")
    path = file(
        line("SGH0000001", "100.00"),
        line("SGH0000008", "", "100.00", reason="Reversal", linked="SGH0000001"),
    )
    assert counts(as_json(path)) == {"matched": 1, "refunds_matched": 1}


def test_probably_needs_amount_time_and_number(payment: Make, file: Make) -> None:
    for number in range(3):
        payment(None, "25.00", reference=f"PAY-{number}", at=NOON + timedelta(minutes=20 * number))
    path = file(
        line("SGH0000001", "25.00", time="22-11-2026 12:20:00"),
        line("SGH0000002", "25.00", time="22-11-2026 12:19:50"),  # the nearest is taken
        line("SGH0000003", "25.00", party="254712345679"),
        line("SGH0000004", "25.01"),
        line("SGH0000005", "25.00", party=""),
    )
    found = as_json(path)
    shown = [(row["receipt"], row["reference"]) for row in found["probably"]["rows"]]
    assert shown == [("SGH0000001", "PAY-1"), ("SGH0000005", "PAY-0")]
    assert [row["receipt"] for row in found["only_in_statement"]["rows"]] == [
        "SGH0000002",
        "SGH0000003",
        "SGH0000004",
    ]


HEADINGS = "receipt no;COMPLETION  TIME;transaction status;Paid in;Withdrawn."


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADING}\n" + line("SGH0000001", "1,250.00"),
        f"\ufeff{HEADING}\r\n" + line("SGH0000001", "1250") + "\r\n",
        f"{HEADINGS}\nSGH0000001;22/11/2026 12:00;COMPLETED;1,250.00;\n;;;;\n",
        f"{HEADINGS.replace(';', chr(9))}\nsgh0000001\t2026-11-22T12:00:05\tCompleted\tKES 1250.0\t0.00\n",
        "Withdrawn,Paid In,Transaction Status,Completion Time,Receipt No.,\n"
        ',"1,250.00",Completed,2026-11-22 09:00:05+00:00,SGH0000001,\nTOTAL,,,,\n',
        f"{HEADING}\n{HEADING}\n"
        + line("SGH0000001", "1,250.00", time="22-11-2026 12:00:05 PM", details='said ""hi""\n, and more'),
        f"{HEADING}\n"
        + line("SGH0000001", "1,250.00", time="22.11.2026 12:00:05", party="WANJIRŨ Ñ")
        # a footer of the portal
        + "\n\nDISCLAIMER,,,,,,,,,,,,\n",
    ],
)
def test_shapes_of_the_file(payment: Make, tmp_path: Path, text: str) -> None:
    payment("SGH0000001", "1250.00")
    path = tmp_path / "statement.csv"
    path.write_bytes(text.encode())
    found = as_json(path, "--from", "2026-11-22", "--to", "2026-11-22")
    assert (counts(found), found["lines"], found["matched"]["statement"]) == ({"matched": 1}, 1, "1250.00")


def test_windows_1252(payment: Make, file: Make) -> None:
    payment("SGH0000001", "10.00")
    path = file(line("SGH0000001", "10.00", party="RENÉ – 254712345678"), encoding="cp1252")
    assert counts(as_json(path)) == {"matched": 1}


def test_the_period(payment: Make, file: Make) -> None:
    payment("SGH0000001", "10.00")
    payment("SGH0000002", "20.00", at=NOON + timedelta(hours=1))
    payment("SGH0000003", "30.00", at=NOON + timedelta(hours=2))
    payment("SGH0000004", "40.00", at=NOON + timedelta(days=1))
    lines = (line("SGH0000001", "10.00"), line("SGH0000003", "30.00", time="22-11-2026 14:00:30"))
    path = file(*lines)
    found = as_json(path)  # from the first line to the last
    assert (found["begins"], found["ends"]) == ("2026-11-22T12:00:05+03:00", "2026-11-22T14:00:31+03:00")
    assert [row["receipt"] for row in found["only_in_ours"]["rows"]] == ["SGH0000002"]
    found = as_json(path, "--from", "2026-11-22", "--to", "2026-11-23")
    assert [row["receipt"] for row in found["only_in_ours"]["rows"]] == ["SGH0000002", "SGH0000004"]
    found = as_json(path, "--from", "2026-11-23", "--to", "2026-11-23")
    assert (counts(found), found["lines"]) == ({"only_in_ours": 1}, 0)
    found = as_json(path, "--to", "2026-11-22")
    assert counts(found) == {"matched": 2, "only_in_ours": 1}
    found = as_json(file(*lines, before="Time Period,22/11/2026 - 23/11/2026\n"))
    assert (found["begins"], found["ends"]) == ("2026-11-22T00:00:00+03:00", "2026-11-24T00:00:00+03:00")
    assert counts(found) == {"matched": 2, "only_in_ours": 2}


def test_a_payment_at_the_edge_says_so(payment: Make, file: Make) -> None:
    payment("SGH0000001", "10.00", at=datetime(2026, 11, 21, 21, 0, 3, tzinfo=UTC))
    (row,) = as_json(file(before=PREAMBLE))["only_in_ours"]["rows"]
    assert row["remark"] == "Completed when the statement begins: look into the one before."


def test_many_lines_take_few_statements_and_are_not_all_listed(
    payment: Make, file: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "LISTED", 2)
    payment("SGH0000001", "10.00")
    path = file(line("SGH0000001", "10.00"), *(line(f"SGX{n:07}", "1.00") for n in range(1_400)))
    with CaptureQueriesContext(connection) as asked:
        found = as_json(path)
    assert len(asked) <= 3 * 3 + 3
    assert found["only_in_statement"]["count"] == 1400
    assert (len(found["only_in_statement"]["rows"]), found["only_in_statement"]["more"]) == (2, 1398)
    assert "  ... and 1,398 more\n" in run(path)[1]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is empty. Export the statement again, as CSV."),
        (b"\n\n", "is not an M-Pesa statement: no line names the columns Receipt No., Completion Time, "),
        (b"Receipt No.,Paid In\nA,1\n", "Transaction Status, Paid In, Withdrawn. Export it as CSV."),
        (f"{HEADING}\n".encode(), "has no lines. Export the statement of the days you want to compare."),
        (b"PK\x03\x04whatever", "is not a CSV text in UTF-8 or Windows-1252. Export the statement again"),
        (b"%PDF-1.7\n", "is not a CSV text in UTF-8"),
        (HEADING.encode("utf-16"), "is not a CSV text in UTF-8"),
        (b"\x81\xff\n", "is not a CSV text in UTF-8"),
        (b"a\0b\n", "is not a CSV text in UTF-8"),
        (f"{HEADING}\n{line('SGH0000001', '30,00')}".encode(), "line 2 has the amounts '30,00' and ''"),
        (f"{HEADING}\n{line('SGH0000001', '٣٠')}".encode(), "line 2 has the amounts '٣٠' and ''"),
        (f"{HEADING}\n{line('SGH0000001', '1e3')}".encode(), "line 2 has the amounts '1e3' and ''"),
        (
            f"x\n{HEADING}\n{line('SGH0000001', '1', time='32-11-2026 1:00')}".encode(),
            "line 3 has the time '32-1",
        ),
        (
            f"{HEADING}\n{line('SGH0000001', '1', time='')}".encode(),
            "line 2 has the time '', which cannot be read",
        ),
        (f"{HEADING}\n{line('SGH0000001', '1', time='1-1-2026 13:00 PM')}".encode(), "line 2 has the time"),
        (
            f"{HEADING}\n{line('SGH0000001', '1')},surplus\n".encode(),
            "line 2 has more cells than the heading.",
        ),
        (f'{HEADING}\nSGH0000001,"22-11-2026\n'.encode(), "is not valid CSV (unexpected end of data)."),
        (b"x" * 100_001, "line 1 is too long. Export the statement again, as CSV, and leave it as it is."),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, body: bytes, sentence: str) -> None:
    path = tmp_path / "statement.csv"
    path.write_bytes(body)
    with pytest.raises(CommandError) as refused:
        run(path)
    assert sentence in str(refused.value)
    assert str(refused.value).count("statement.csv") == 1
    assert refused.value.returncode == 2


def test_a_missing_file_and_wrong_days(tmp_path: Path, file: Make) -> None:
    with pytest.raises(
        CommandError, match=r"cannot be read \(No such file or directory\)\. Check the name"
    ) as gone:
        run(tmp_path / "nothing.csv")
    assert gone.value.returncode == 2
    with pytest.raises(CommandError, match="--to lies before --from"):
        run(file(), "--from", "2026-11-22", "--to", "2026-11-21")
    with pytest.raises(CommandError, match=r"'22\.11\.' is no date such as 2026-11-22"):
        run(file(), "--from", "22.11.")
