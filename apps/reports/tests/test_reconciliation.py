"""The reconciliation: what stands where, to the row, and who may see it."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.reports.selectors import reconciliation as selector
from apps.reports.tests.conftest import EVE, NOON
from apps.users.models import User

pytestmark = pytest.mark.django_db
URL = "/api/reports/reconciliation/"
Make = Callable[..., Any]
SECTIONS = (
    "matched",
    "without_receipt",
    "unmatched_callbacks",
    "amount_differences",
    "confirmed_by_hand",
    "still_pending",
    "late_money",
    "needs_attention",
)


def report(client: APIClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"{URL}{query}")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def tallies(day: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """The sections with something in them, without their rows."""
    return {name: (day[name]["count"], day[name]["total"]) for name in SECTIONS if day[name]["count"]}


def ids(day: dict[str, Any], section: str) -> list[tuple[str, int]]:
    return [(row["kind"], row["id"]) for row in day[section]["rows"]]


def test_who_may_see_it(
    as_admin: APIClient, as_cashier: APIClient, as_stranger: APIClient, as_nobody: APIClient
) -> None:
    for client, status in ((as_admin, 200), (as_cashier, 403), (as_stranger, 403), (as_nobody, 401)):
        for query in ("", "?export=csv", "?export=xlsx", "?period=never"):
            expected = 400 if status == 200 and "never" in query else status
            assert client.get(f"{URL}{query}").status_code == expected
    assert as_cashier.get(URL).json()["code"] == "permission_denied"
    assert as_admin.post(URL).status_code == 405


def test_an_empty_day(as_admin: APIClient) -> None:
    found = report(as_admin)
    assert (found["start"], found["end"], found["currency"]) == ("2026-11-22", "2026-11-22", "KES")
    assert found["gateways"] == []
    nothing = {"count": 0, "total": "0.00"}
    expected = dict.fromkeys(("booked", "gateway", "refunded", *SECTIONS), nothing)
    assert found["totals"] == {**expected, "difference": "0.00"}


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("", "2026-11-22", "2026-11-22"),
        ("?period=", "2026-11-22", "2026-11-22"),
        ("?period=today&start_date=2026-01-01", "2026-11-22", "2026-11-22"),
        ("?period=week", "2026-11-16", "2026-11-22"),
        ("?period=month", "2026-10-24", "2026-11-22"),
        ("?period=year", "2025-11-23", "2026-11-22"),
        ("?period=custom&start_date=2024-02-29&end_date=2024-02-29", "2024-02-29", "2024-02-29"),
        ("?start_date=2026-01-01&end_date=2026-12-31", "2026-01-01", "2026-12-31"),
        ("?start_date=2024-01-01&end_date=2024-12-31", "2024-01-01", "2024-12-31"),
    ],
)
def test_periods(as_admin: APIClient, query: str, start: str, end: str) -> None:
    found = report(as_admin, query)
    assert (found["start"], found["end"]) == (start, end)


DATE = ["A date such as 2026-11-22 is needed."]


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("period=yesterday", {"period": ["Use today, week, month, year or custom."]}),
        ("period=custom", {"start_date": DATE, "end_date": DATE}),
        ("period=custom&start_date=2026-11-22", {"end_date": DATE}),
        ("end_date=2026-11-22", {"start_date": DATE}),
        ("start_date=22.11.2026&end_date=2026-02-30", {"start_date": DATE, "end_date": DATE}),
        ("start_date=２０２６-11-22&end_date=0001-01-01", {"start_date": DATE, "end_date": DATE}),
        ("start_date=2026-11-22T00:00:00Z&end_date=2026-11-22", {"start_date": DATE}),
        ("start_date=2026-11-22&end_date=2026-11-21", {"end_date": ["The end lies before the start."]}),
        (
            "start_date=2026-01-01&end_date=2027-01-02",
            {"end_date": ["At most 366 days are reported at once."]},
        ),
        ("export=pdf", {"export": ["Use csv or xlsx."]}),
    ],
)
def test_refusals(as_admin: APIClient, query: str, refused: dict[str, Any]) -> None:
    answer = as_admin.get(f"{URL}?{query}")
    assert (answer.status_code, answer.json()) == (400, refused)


def test_a_matched_payment_to_the_field(
    as_admin: APIClient, payment: Make, message: Make, sale: dict[str, Any]
) -> None:
    paid = payment("116.00", transaction_reference="PAY-1", external_reference="SGH7XK21PQ")
    applied = message("applied", "116.00", payment=paid)
    message("repeated", "116.00", payment=paid)
    (gateway,) = report(as_admin)["gateways"]
    assert (gateway["method"], gateway["label"]) == ("mpesa", "M-Pesa")
    (day,) = gateway["days"]
    one, nothing = {"count": 1, "total": "116.00"}, {"count": 0, "total": "0.00"}
    assert {name: day[name] for name in ("date", "booked", "gateway", "difference", "refunded")} == {
        "date": "2026-11-22",
        "booked": one,
        "gateway": one,
        "difference": "0.00",
        "refunded": nothing,
    }
    row = {
        "kind": "payment",
        "id": paid.pk,
        "sale": sale["id"],
        "sale_number": sale["sale_number"],
        "transaction_reference": "PAY-1",
        "external_reference": "SGH7XK21PQ",
        "amount": "116.00",
        "amount_received": "116.00",
        "amount_applied": "116.00",
        "amount_refunded": "0.00",
        "gateway_amount": None,
        "late_money": None,
        "confirmed_by_name": "",
        "status": "success",
        "initiated_at": "2026-11-22T11:59:40+03:00",
        "completed_at": "2026-11-22T12:00:00+03:00",
        "attention": "",
        "callback": applied.pk,
    }
    assert day["matched"] == {**one, "rows": [row], "more": 0}
    assert day["late_money"] == {**nothing, "rows": [], "more": 0}


def test_booked_is_matched_without_receipt_and_by_hand(
    as_admin: APIClient, payment: Make, refund: Make, admin: User
) -> None:
    matched = payment("100.10")
    back = payment("50.00", status="refunded", amount_refunded=Decimal("50.00"), refund_reserved=50)
    refund(back, "50.00")
    refund(matched, "1.00", method="cash")
    refund(matched, "2.00", status="processing")
    bare = payment("20.20", external_reference=None)
    by_hand = payment("7.00", confirmed_by=admin, metadata={"confirmed_by_hand": "Amina Admin"})
    payment("1000.00", method="cash", external_reference=None)
    payment("1000.00", method="bank", confirmed_by=admin)
    payment("1000.00", status="failed")
    found = report(as_admin)
    (gateway,) = found["gateways"]
    (day,) = gateway["days"]
    assert tallies(day) == {
        "matched": (2, "150.10"),
        "without_receipt": (1, "20.20"),
        "confirmed_by_hand": (1, "7.00"),
    }
    assert ids(day, "matched") == [("payment", matched.pk), ("payment", back.pk)]
    assert ids(day, "without_receipt") == [("payment", bare.pk)]
    assert ids(day, "confirmed_by_hand") == [("payment", by_hand.pk)]
    assert day["confirmed_by_hand"]["rows"][0]["confirmed_by_name"] == "Amina Admin"
    sums = {
        "booked": {"count": 4, "total": "177.30"},
        "gateway": {"count": 3, "total": "170.30"},
        "difference": "7.00",
        "refunded": {"count": 1, "total": "50.00"},
    }
    assert {name: day[name] for name in sums} == sums
    assert {name: found["totals"][name] for name in sums} == sums
    assert found["totals"]["matched"] == {"count": 2, "total": "150.10"}


def test_days_begin_at_midnight_in_nairobi(as_admin: APIClient, payment: Make, message: Make) -> None:
    moment = timedelta(microseconds=1)
    midnight = EVE + timedelta(minutes=30)
    yesterday = payment("1.00", at=midnight - moment)
    first = payment("2.00", at=midnight, initiated_at=EVE)
    last = payment("4.00", at=midnight + timedelta(days=1) - moment, method="airtel")
    payment("8.00", at=midnight + timedelta(days=1))
    early = message("unmatched", "16.00", at=midnight - moment)
    mpesa, airtel = report(as_admin)["gateways"]
    assert [(d["date"], ids(d, "matched")) for d in mpesa["days"]] == [
        ("2026-11-22", [("payment", first.pk)])
    ]
    assert [(d["date"], ids(d, "matched")) for d in airtel["days"]] == [
        ("2026-11-22", [("payment", last.pk)])
    ]
    found = report(as_admin, "?period=week")
    days = found["gateways"][0]["days"]
    assert [(d["date"], d["booked"]["total"]) for d in days] == [
        ("2026-11-21", "1.00"),
        ("2026-11-22", "2.00"),
    ]
    assert ids(days[0], "matched") == [("payment", yesterday.pk)]
    assert ids(days[0], "unmatched_callbacks") == [("callback", early.pk)]
    assert found["totals"]["booked"] == {"count": 3, "total": "7.00"}


def test_unmatched_messages(as_admin: APIClient, payment: Make, message: Make) -> None:
    failed = payment("30.00", status="failed")
    unknown = message(
        "unmatched", "10.00", transaction_id="ws_CO_1", repeats=2, error_message="Nothing of ours."
    )
    parked = message("parked", None, success=None)
    said_no = message("unmatched", "5.00", success=False)
    forged = message("rejected", "30.00", payment=failed)
    message("rejected", "40.00", success=False)
    for state in ("received", "waiting", "applied", "repeated", "asked", "ignored"):
        message(state, "99.00")
    (gateway,) = report(as_admin)["gateways"]
    (day,) = gateway["days"]
    assert tallies(day) == {"unmatched_callbacks": (4, "40.00")}
    expected = [("callback", item.pk) for item in (unknown, parked, said_no, forged)]
    assert ids(day, "unmatched_callbacks") == expected
    assert day["unmatched_callbacks"]["rows"][0] == {
        "kind": "callback",
        "id": unknown.pk,
        "callback_type": "mpesa",
        "payment": None,
        "refund": None,
        "sale_number": None,
        "transaction_id": "ws_CO_1",
        "amount": "10.00",
        "amount_expected": None,
        "success": True,
        "state": "unmatched",
        "error_message": "Nothing of ours.",
        "received_at": "2026-11-22T12:00:00+03:00",
        "repeats": 2,
    }
    assert day["booked"] == {"count": 0, "total": "0.00"}


def test_amount_differences(as_admin: APIClient, payment: Make, message: Make, refund: Make) -> None:
    less = payment(
        "100.00", status="processing", metadata={"gateway_amount": "KES 60.00"}, attention="Only 60."
    )
    foreign = payment("100.00", status="failed", metadata={"gateway_amount": "USD 100.00"})
    bare = payment("100.00", status="failed", metadata={"gateway_amount": "100.50"})
    payment("100.00", status="failed", metadata={"gateway_amount": "KES an unknown amount"})
    message("rejected", "60.00", payment=less)  # the payment itself tells already
    paid = payment("80.00")
    other = message("rejected", "90.00", payment=paid)
    back = message("rejected", "3.00", payment=paid, refund=refund(paid, "5.00", status="processing"))
    (gateway,) = report(as_admin)["gateways"]
    (day,) = gateway["days"]
    # -40.00 and +0.50 of the payments, +10.00 and -2.00 of the messages
    assert tallies(day) == {
        "matched": (1, "80.00"),
        "amount_differences": (6, "-31.50"),
        "still_pending": (1, "100.00"),
        "needs_attention": (1, "100.00"),
    }
    rows = day["amount_differences"]["rows"]
    assert [row.get("gateway_amount") for row in rows[:3]] == ["KES 60.00", "USD 100.00", "100.50"]
    assert [row["id"] for row in rows] == [
        less.pk,
        foreign.pk,
        bare.pk,
        rows[3]["id"],
        other.pk,
        back.pk,
    ]
    assert [(row["amount"], row["amount_expected"]) for row in rows[4:]] == [
        ("90.00", "80.00"),
        ("3.00", "5.00"),
    ]


def test_late_money_and_what_waits_for_a_person(as_admin: APIClient, payment: Make, refund: Make) -> None:
    late = payment(
        "100.00",
        amount_received=Decimal("120.00"),
        amount_applied=Decimal("70.00"),
        amount_unapplied=Decimal("50.00"),
        refund_reserved=Decimal("50.00"),
        metadata={"late_money": "50.00"},
        attention="Send it back.",
    )
    odd = payment("9.00", metadata={"late_money": "many"})
    failed = payment("10.00", status="failed", attention="Disputed.", method="card")
    hanging = refund(late, "50.00", status="processing", attention="No outcome yet.")
    mpesa, card = report(as_admin)["gateways"]
    (day,) = mpesa["days"]
    assert tallies(day) == {
        "matched": (2, "129.00"),
        "late_money": (2, "50.00"),
        "needs_attention": (2, "170.00"),
    }
    assert ids(day, "late_money") == [("payment", late.pk), ("payment", odd.pk)]
    assert day["late_money"]["rows"][0]["late_money"] == "50.00"
    assert ids(day, "needs_attention") == [("payment", late.pk), ("refund", hanging.pk)]
    assert day["needs_attention"]["rows"][1] == {
        "kind": "refund",
        "id": hanging.pk,
        "payment": late.pk,
        "sale": late.sale_id,
        "sale_number": late.sale.sale_number,
        "refund_reference": hanging.refund_reference,
        "external_reference": None,
        "amount": "50.00",
        "status": "processing",
        "requested_at": "2026-11-22T12:00:00+03:00",
        "completed_at": None,
        "attention": "No outcome yet.",
    }
    assert ids(card["days"][0], "needs_attention") == [("payment", failed.pk)]
    assert card["days"][0]["booked"]["count"] == 0


def test_open_for_more_than_a_day_needs_attention(as_admin: APIClient, payment: Make) -> None:
    now = NOON + timedelta(hours=8)
    old = payment("30.00", status="processing", at=now - timedelta(hours=24, seconds=1))
    payment("40.00", status="pending", at=now - timedelta(hours=24))
    payment("50.00", status="cancelled", at=now - timedelta(hours=30))
    (gateway,) = report(as_admin, "?period=week")["gateways"]
    (day,) = gateway["days"]
    assert day["date"] == "2026-11-21"
    assert tallies(day) == {"still_pending": (2, "70.00"), "needs_attention": (1, "30.00")}
    (row,) = day["needs_attention"]["rows"]
    assert (row["id"], row["attention"][:32]) == (old.pk, "Open for more than 24 hours. Loo")
    assert report(as_admin)["gateways"] == []


def test_the_newest_rows_are_shown_and_all_are_counted(
    as_admin: APIClient, payment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "SHOWN_ROWS", 3)
    made = [payment("1.00", at=NOON - timedelta(days=5 - n)) for n in range(5)]
    found = report(as_admin, "?period=month")
    days = found["gateways"][0]["days"]
    assert [(ids(d, "matched"), d["matched"]["count"], d["matched"]["more"]) for d in days] == [
        ([], 1, 1),
        ([], 1, 1),
        *(([("payment", item.pk)], 1, 0) for item in made[2:]),
    ]
    assert found["totals"]["matched"] == {"count": 5, "total": "5.00"}


def compose(day: int, payment: Make, message: Make, refund: Make, admin: User) -> None:
    """Something in every section."""
    at = NOON - timedelta(days=day)
    paid = payment("100.00", at=at)
    message("applied", "100.00", at=at, payment=paid)
    refund(paid, "1.00", at=at)
    refund(paid, "1.00", at=at, status="pending", attention="Look at it.")
    payment("100.00", at=at, external_reference=None)
    payment("100.00", at=at, confirmed_by=admin)
    payment("100.00", at=at, metadata={"late_money": "1.00"})
    payment("100.00", at=at, status="processing", metadata={"gateway_amount": "KES 1.00"}, attention="Less.")
    message("unmatched", "7.00", at=at)
    message("rejected", "8.00", at=at, payment=paid)


@pytest.mark.parametrize("export", ["", "&export=csv"])
def test_statements_do_not_grow(
    as_admin: APIClient, payment: Make, message: Make, refund: Make, admin: User, export: str
) -> None:
    counts = []
    compose(0, payment, message, refund, admin)
    for more in (range(0), range(1, 40)):
        for day in more:
            compose(day, payment, message, refund, admin)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = as_admin.get(f"{URL}?period=year{export}")
            assert answer.status_code == 200
        counts.append(len([query for query in asked if "SAVEPOINT" not in query["sql"]]))
    # Who asks, the sums, and the rows: of ten sources in JSON, in a file by cursors that are not counted here.
    assert counts[0] == counts[1] <= 12
    if not export:
        assert answer.json()["totals"]["booked"] == {"count": 160, "total": "16000.00"}
