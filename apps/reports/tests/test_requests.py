"""Who may read which report, and what is answered to questions that make no sense."""

from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from apps.reports.models import RolledSpan
from apps.users.models import User
from tests.contract.corpus import QUERY_VALUES

pytestmark = pytest.mark.django_db
NAMES = ("sales", "profit", "inventory", "dashboard", "day-end", "reconciliation")
OF_PERIODS = ("sales", "profit", "inventory", "dashboard", "reconciliation")
DATE_NEEDED = "A date such as 2026-11-22 is needed."
UNKNOWN_PERIOD = {"period": ["Use today, week, month, year or custom."]}
TOO_LONG = {"end_date": ["At most 366 days are reported at once."]}


def ask(client: APIClient, name: str, query: str = "") -> tuple[int, Any]:
    answer = client.get(f"/api/reports/{name}/?{query}")
    return answer.status_code, answer.json() if answer.status_code != 200 else None


@pytest.mark.parametrize("name", NAMES)
def test_roles(
    as_admin: APIClient, as_cashier: APIClient, as_nobody: APIClient, cashier: User, name: str
) -> None:
    assert ask(as_admin, name) == (200, None)
    assert ask(as_nobody, name)[0] == 401
    assert ask(as_nobody, name)[1]["code"] == "not_authenticated"
    for query in ("", "export=csv", "export=html", "period=nonsense", f"cashier={cashier.pk}"):
        status, answer = ask(as_cashier, name, query)
        if name != "dashboard":
            assert (status, answer["code"]) == (403, "permission_denied")
    assert ask(as_cashier, "dashboard") == (200, None)
    assert ask(as_cashier, "dashboard", "export=xlsx") == (200, None)


@pytest.mark.parametrize("name", NAMES)
def test_methods(as_admin: APIClient, as_cashier: APIClient, name: str) -> None:
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(as_admin, method)(f"/api/reports/{name}/", {})
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    head = as_admin.head(f"/api/reports/{name}/")
    assert (head.status_code, head.content) == (200, b"")
    assert as_admin.get(f"/api/reports/{name}/1/").status_code == 404
    assert as_admin.get("/api/reports/weather/").status_code == 404


@pytest.mark.parametrize("name", OF_PERIODS)
@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("period=decade", UNKNOWN_PERIOD),
        ("period=TODAY", UNKNOWN_PERIOD),
        ("period=2026", UNKNOWN_PERIOD),
        ("period=custom", {"start_date": [DATE_NEEDED], "end_date": [DATE_NEEDED]}),
        ("period=custom&start_date=2026-11-01", {"end_date": [DATE_NEEDED]}),
        ("end_date=2026-11-01", {"start_date": [DATE_NEEDED]}),
        ("start_date=2026-11-02&end_date=2026-11-01", {"end_date": ["The end lies before the start."]}),
        ("start_date=2026-02-29&end_date=2026-03-01", {"start_date": [DATE_NEEDED]}),
        ("start_date=2026-11-01&end_date=2026-11-31", {"end_date": [DATE_NEEDED]}),
        (
            "start_date=2026-13-01&end_date=22/11/2026",
            {"start_date": [DATE_NEEDED], "end_date": [DATE_NEEDED]},
        ),
        (
            "start_date=0000-01-01&end_date=9999-12-31",
            {"start_date": [DATE_NEEDED], "end_date": [DATE_NEEDED]},
        ),
        ("start_date=٢٠٢٦-١١-٠١&end_date=2026-11-01", {"start_date": [DATE_NEEDED]}),
        ("start_date=1926-11-22&end_date=2026-11-22", TOO_LONG),
        ("start_date=2025-11-21&end_date=2026-11-22", TOO_LONG),
    ],
)
def test_periods_that_make_no_sense(as_admin: APIClient, name: str, query: str, refusal: Any) -> None:
    assert ask(as_admin, name, query) == (400, refusal)
    assert ask(as_admin, name, f"{query}&export=csv") == (400, refusal)


def test_periods_that_just_do(as_admin: APIClient) -> None:
    for name in OF_PERIODS:
        assert ask(as_admin, name, "start_date=2025-11-22&end_date=2026-11-22") == (200, None)
        assert ask(as_admin, name, "start_date=1900-01-01&end_date=1900-01-01") == (200, None)
        assert ask(as_admin, name, "start_date=9000-12-31&end_date=9000-12-31") == (200, None)
        assert ask(as_admin, name, "period=&start_date=&end_date=&export=") == (200, None)
    assert not RolledSpan.objects.exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["pdf", "xls", "CSV", "csv ", "json", "1", "xlsx,csv", "../csv"])
def test_files_that_are_not_offered(as_admin: APIClient, name: str, kind: str) -> None:
    with_page = name in ("sales", "day-end")
    words = "Use csv, xlsx or html." if with_page else "Use csv or xlsx."
    assert ask(as_admin, name, f"export={quote(kind)}") == (400, {"export": [words]})
    assert ask(as_admin, name, "export=html") == ((200, None) if with_page else (400, {"export": [words]}))


def test_days_that_make_no_sense(as_admin: APIClient) -> None:
    for day in (
        "2026-02-30",
        "yesterday",
        "22.11.2026",
        "2026-11-22T00:00:00",
        "0000-00-00",
        "99999-01-01",
        "1899-12-31",
    ):
        assert ask(as_admin, "day-end", f"date={day}") == (400, {"date": [DATE_NEEDED]})
    for day in ("", "2026-11-22", "1900-01-01", "9000-12-31"):
        assert ask(as_admin, "day-end", f"date={day}") == (200, None)


def test_whose_dashboard(
    as_admin: APIClient, as_cashier: APIClient, cashier: User, stranger: User, admin: User
) -> None:
    assert ask(as_admin, "dashboard", f"cashier={stranger.pk}") == (200, None)
    assert ask(as_cashier, "dashboard", f"cashier={cashier.pk}") == (200, None)
    # Whether there is such a person or not.
    for other in (stranger.pk, admin.pk, 0, 10**17, "1" * 18):
        status, answer = ask(as_cashier, "dashboard", f"cashier={other}")
        assert (status, answer["code"]) == (403, "permission_denied")
    for unknown in (0, 999_999, "9" * 18):
        assert ask(as_admin, "dashboard", f"cashier={unknown}") == (
            400,
            {"cashier": ["There is no such person."]},
        )
    for bad in ("x", "-1", "1.5", "9" * 19, "9" * 4_000, "٣", "1 OR 1=1", "null", "1,2"):
        refusal = (400, {"cashier": ["The id of a person is needed."]})
        assert ask(as_admin, "dashboard", f"cashier={quote(bad)}") == refusal
        assert ask(as_cashier, "dashboard", f"cashier={quote(bad)}") == refusal


@pytest.mark.parametrize("name", NAMES)
def test_queries_that_are_noise(as_admin: APIClient, as_cashier: APIClient, name: str) -> None:
    parameters = ["export", "x", "date" if name == "day-end" else "start_date"]
    parameters += ["period", "end_date"] * (name == "sales") + ["cashier"] * (name == "dashboard")
    for value in QUERY_VALUES:
        texts = [f"{parameter}={value.replace('{name}', parameter)}" for parameter in parameters]
        for text in (*texts, "&".join(texts)):
            assert as_admin.get(f"/api/reports/{name}/?{text}").status_code in (200, 400), text
        everything = as_cashier.get(f"/api/reports/{name}/?{'&'.join(texts)}")
        assert everything.status_code in ((200, 400, 403) if name == "dashboard" else (400, 403)), texts
    nul = as_admin.get(f"/api/reports/{name}/?period=%00")
    assert (nul.status_code, nul.json()["code"]) == (400, "invalid_request")
