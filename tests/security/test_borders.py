"""What browsers and proxies may do: origins, cookies, forged requests, forwarded headers (S18, S19)."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from rest_framework.test import APIClient

from apps.users.authentication import client_address
from apps.users.models import LoginCounter, User
from conftest import PASSWORD, client_of, make_user
from pos_backend.local.postgres import PROJECT
from tests.figures import show
from tests.security.production import FRONT_END, ORIGIN, in_production

pytestmark = pytest.mark.django_db
ME = "/api/auth/me/"
LOGIN = "/api/auth/login/"
# Near misses of the one origin that is allowed.
FOREIGN_ORIGINS = [
    "null",
    "https://evil.example",
    "http://till.shop.example",
    "https://till.shop.example:8443",
    "https://till.shop.example.evil.example",
    "https://eviltill.shop.example",
    "https://x.till.shop.example",
    "https://till.shop.example@evil.example",
    "https://till-shop.example",
    "https://tillXshop.example",
    "https://TILL.shop.example.",
    "https://shop.example",
    "https://evil.example#https://till.shop.example",
    "https://evil.example/https://till.shop.example",
    "file://",
    "",
    "https://till.shop.example\thttps://evil.example",
    "https://till.shop.example, https://evil.example",
]


# --- Origins --------------------------------------------------------------------------------------------------


def test_only_the_exact_origin_may_read_answers(settings: Any, cashier: User) -> None:
    in_production(settings)
    client = client_of(cashier)
    for origin in FOREIGN_ORIGINS:
        for answer in (
            client.get(ME, secure=True, headers={"Origin": origin}, HTTP_HOST="shop.example"),
            client.options(
                LOGIN,
                secure=True,
                headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
                HTTP_HOST="shop.example",
            ),
        ):
            assert not [name for name in answer.headers if name.lower().startswith("access-control")], origin
    allowed = client.get(ME, secure=True, headers={"Origin": FRONT_END}, HTTP_HOST="shop.example")
    assert allowed["Access-Control-Allow-Origin"] == FRONT_END
    assert "origin" in allowed["Vary"].lower()
    # Tokens travel in a header that a script sets: no cookie needs to be sent along.
    assert "Access-Control-Allow-Credentials" not in allowed
    show("S18", "origins but the one allowed", f"{len(FOREIGN_ORIGINS)} near misses, twice", "0 allowed")


def test_the_back_office_is_open_to_no_origin(settings: Any, admin: User) -> None:
    in_production(settings)
    client = Client()
    client.force_login(admin)
    answer = client.get("/admin/", secure=True, headers={"Origin": FRONT_END}, HTTP_HOST="shop.example")
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# --- Cookies and forged requests ------------------------------------------------------------------------------


def test_no_cookie_opens_the_api(admin: User) -> None:
    """So that no other site can act through a browser that is signed in."""
    client = APIClient()
    client.force_login(admin)
    assert client.get("/admin/").status_code == 200
    for method, path, body in (
        ("get", ME, None),
        ("get", "/api/users/", None),
        ("post", "/api/auth/register/", {"username": "mallory", "password": PASSWORD, "role": "admin"}),
        ("post", "/api/auth/logoutall/", None),
    ):
        answer = getattr(client, method)(path, body)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), path
    assert User.objects.count() == 1


def test_the_api_sets_no_cookie(cashier: User) -> None:
    client = APIClient()
    assert client.post(LOGIN, {"username": "otieno", "password": PASSWORD}).status_code == 200
    assert client.get(ME).status_code == 401
    assert client.cookies == {}


def test_forms_of_the_back_office_are_only_taken_from_itself(settings: Any, admin: User) -> None:
    in_production(settings)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    person = {"username": "mallory", "role": "admin", "is_active": "on", "new_password": PASSWORD}
    page = client.get("/admin/users/user/add/", secure=True, HTTP_HOST="shop.example")
    token = page.context["csrf_token"]
    forged: list[tuple[dict[str, Any], dict[str, str]]] = [
        (person, {}),
        ({**person, "csrfmiddlewaretoken": "x" * 64}, {"Referer": f"{ORIGIN}/admin/"}),
        ({**person, "csrfmiddlewaretoken": token}, {"Origin": "https://evil.example"}),
        ({**person, "csrfmiddlewaretoken": token}, {"Origin": "null"}),
        ({**person, "csrfmiddlewaretoken": token}, {"Origin": "http://shop.example"}),
        ({**person, "csrfmiddlewaretoken": token}, {"Referer": "https://shop.example.evil.example/"}),
        ({**person, "csrfmiddlewaretoken": token}, {}),  # over HTTPS one must say where one comes from
    ]
    for body, headers in forged:
        answer = client.post(
            "/admin/users/user/add/", body, secure=True, headers=headers, HTTP_HOST="shop.example"
        )
        assert answer.status_code == 403, headers
    assert User.objects.count() == 1

    body = {**person, "csrfmiddlewaretoken": token}
    own = client.post(
        "/admin/users/user/add/", body, secure=True, headers={"Origin": ORIGIN}, HTTP_HOST="shop.example"
    )
    assert (own.status_code, User.objects.count()) == (302, 2)
    show("S18", "forged forms for the back office", f"{len(forged)} kinds", "0 taken; its own was")


def test_cookies_of_the_back_office(settings: Any, admin: User) -> None:
    in_production(settings)
    client = Client()
    page = client.get("/admin/login/", secure=True, HTTP_HOST="shop.example")
    body = {"username": "amina", "password": PASSWORD}
    signed_in = client.post("/admin/login/?next=/admin/", body, secure=True, HTTP_HOST="shop.example")
    assert signed_in.status_code == 302
    cookies = {**page.cookies, **signed_in.cookies}
    assert set(cookies) == {"csrftoken", "sessionid"}
    for cookie in cookies.values():
        assert (cookie["secure"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")
    assert cookies["sessionid"]["httponly"]


def test_plain_http_is_redirected_before_anything_is_read(settings: Any, admin: User) -> None:
    in_production(settings)
    body = {"username": "amina", "password": PASSWORD}
    for path in ("/admin/", "/admin/login/", LOGIN, "/swagger/"):
        answer = Client().post(path, body, HTTP_HOST="shop.example")
        assert (answer.status_code, answer["Location"]) == (301, f"{ORIGIN}{path}")
        assert not answer.cookies
    assert not LoginCounter.objects.exists()
    secure = Client().get("/admin/login/", secure=True, HTTP_HOST="shop.example")
    assert secure["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_other_hosts_are_refused(settings: Any, as_cashier: APIClient) -> None:
    """Whatever a message says in Host, no link and no redirect is made of it."""
    in_production(settings)
    for host in ("evil.example", "shop.example.evil.example", "shop.example@evil.example", "[::1]", "x_y"):
        answer = as_cashier.get("/api/sales/sales/?page_size=1", secure=True, HTTP_HOST=host)
        assert answer.status_code == 400, host
        assert b"evil" not in answer.content
    forwarded = as_cashier.get(
        "/api/products/?page_size=1",
        secure=True,
        HTTP_HOST="shop.example",
        HTTP_X_FORWARDED_HOST="evil.example",
    )
    assert (forwarded.status_code, b"evil" in forwarded.content) == (200, False)


SHOWN = (
    "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE",
    "CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS", "API_DOCS_PUBLIC", "NUM_PROXIES", "SECURE_PROXY_SSL_HEADER",
    "ALLOWED_HOSTS",
)  # fmt: skip


@pytest.mark.parametrize("proxies", [0, 2])
def test_these_are_the_settings_of_production(settings: Any, proxies: int) -> None:
    program = (
        "import json; from pos_backend import settings as s;"
        f"print(json.dumps({{n: getattr(s, n, None) for n in {SHOWN!r}}}))"
    )
    env = {
        **os.environ,
        "POS_ENV": "production",
        "SECRET_KEY": "not-used-" + "x7Qm2Kp9" * 6,
        "DATABASE_URL": "postgresql://pos@db.lan/pos",
        "PUBLIC_BASE_URL": ORIGIN,
        "ALLOWED_HOSTS": "shop.example",
        "CORS_ALLOWED_ORIGINS": FRONT_END,
        "NUM_PROXIES": str(proxies),
    }
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )
    in_production(settings, proxies)
    expected = {name: getattr(settings, name, None) for name in SHOWN}
    assert json.loads(run.stdout or run.stderr) == json.loads(json.dumps(expected))


# --- What proxies say (S19) -----------------------------------------------------------------------------------

# What a stranger sends and what the proxies in front add; the address that must be taken for the stranger's.
CHAINS = [
    (0, "", "203.0.113.9"),
    (0, "10.0.0.1", "203.0.113.9"),
    (0, "10.0.0.1, 10.0.0.2", "203.0.113.9"),
    (1, "198.51.100.7", "198.51.100.7"),
    (1, "10.0.0.1, 198.51.100.7", "198.51.100.7"),
    (1, "1.1.1.1, 2.2.2.2, 3.3.3.3, 198.51.100.7", "198.51.100.7"),
    (2, "198.51.100.7, 192.0.2.1", "198.51.100.7"),
    (2, "10.0.0.1, 198.51.100.7, 192.0.2.1", "198.51.100.7"),
    (2, "127.0.0.1, 127.0.0.1, 127.0.0.1, 198.51.100.7, 192.0.2.1", "198.51.100.7"),
]


@pytest.mark.parametrize(("proxies", "forwarded", "address"), CHAINS)
def test_only_what_the_own_proxies_wrote_is_believed(
    settings: Any, rf: Any, proxies: int, forwarded: str, address: str
) -> None:
    in_production(settings, proxies)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = rf.get("/", headers=headers, REMOTE_ADDR="203.0.113.9")
    assert client_address(request) == address


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_a_guesser_cannot_change_the_address(settings: Any, proxies: int) -> None:
    """Each guess under another forged address: all count for the one they came from."""
    in_production(settings, proxies)
    real = ["198.51.100.7", "192.0.2.1"][:proxies]
    statuses = []
    for guess in range(60):
        chain = ", ".join([f"10.{guess}.0.1", f"10.9.{guess}.1", *real])
        answer = APIClient().post(
            LOGIN,
            {"username": f"name{guess}", "password": "guess"},
            secure=True,
            HTTP_HOST="shop.example",
            HTTP_X_FORWARDED_FOR=chain,
            HTTP_X_REAL_IP=f"10.0.{guess}.1",
            HTTP_FORWARDED=f"for=10.0.{guess}.2",
            HTTP_CLIENT_IP=f"10.0.{guess}.3",
            REMOTE_ADDR="203.0.113.9",
        )
        statuses.append(answer.status_code)
    assert statuses == [401] * 50 + [429] * 10
    show(
        "S19",
        f"forged addresses with {proxies} proxies in front",
        "60 guesses, 60 addresses",
        "stopped after 50",
    )


@pytest.mark.parametrize(("proxies", "status"), [(0, 301), (1, 401)])
def test_the_scheme_is_believed_only_behind_a_proxy(settings: Any, proxies: int, status: int) -> None:
    in_production(settings, proxies)
    answer = APIClient().get(ME, HTTP_HOST="shop.example", HTTP_X_FORWARDED_PROTO="https")
    assert answer.status_code == status
    plain = APIClient().get(ME, HTTP_HOST="shop.example", HTTP_X_FORWARDED_PROTO="http")
    assert plain.status_code == 301


def test_links_are_made_of_the_host_that_is_allowed(settings: Any, admin: User) -> None:
    in_production(settings, 1)
    for number in range(3):
        make_user(f"till{number}")
    answer = client_of(admin).get(
        "/api/users/?page_size=1",
        HTTP_HOST="shop.example",
        HTTP_X_FORWARDED_HOST="evil.example",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_PORT="8443",
        HTTP_X_ORIGINAL_URL="/api/evil/",
        HTTP_X_REWRITE_URL="/api/evil/",
    )
    assert answer.json()["next"] == f"{ORIGIN}/api/users/?page=2&page_size=1"
    assert django_settings.USE_X_FORWARDED_HOST is False


# --- Headers of every answer ----------------------------------------------------------------------------------


def test_every_answer_tells_browsers_what_they_may_do(settings: Any, admin: User) -> None:
    in_production(settings)
    settings.API_DOCS_PUBLIC = True
    office = Client()
    office.force_login(admin)
    pages = ["/admin/", "/admin/login/", "/swagger/", "/redoc/", "/api/payments/webhooks/card/callback/"]
    others = [ME, "/api/nothing/", "/healthz/", "/nothing/", "/swagger.json", "/favicon.ico"]
    for path in pages + others:
        answer = office.get(path, secure=True, HTTP_HOST="shop.example", headers={"Accept": "text/html,*/*"})
        policy = dict(
            part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";")
        )
        assert answer["X-Content-Type-Options"] == "nosniff", path
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in policy.get("script-src", "")
        documents = path in ("/swagger/", "/redoc/")
        assert ("unsafe-inline" in policy.get("style-src", "")) is documents, path
        html = answer.headers.get("Content-Type", "").startswith("text/html")
        assert html is (path in pages) or answer.status_code in (301, 302), path
        if path.startswith("/api/") and not html:
            assert (answer["Content-Type"], answer["X-Frame-Options"]) == ("application/json", "DENY")


def test_the_documents_are_for_administrators_in_production(
    settings: Any, admin: User, as_cashier: APIClient, as_admin: APIClient
) -> None:
    in_production(settings)
    accept = {"Accept": "text/html,*/*"}

    def get(client: Client, path: str) -> Any:
        return client.get(path, secure=True, HTTP_HOST="shop.example", headers=accept)

    for path in ("/swagger/", "/redoc/", "/swagger/?format=openapi"):
        for client in (Client(), as_cashier, as_admin):
            answer = get(client, path)
            assert (answer.status_code, answer["Location"][:19]) == (302, "/admin/login/?next=")
    for path in ("/swagger.json", "/swagger.yaml"):
        for client in (Client(), as_cashier):
            answer = get(client, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert get(as_admin, path).status_code == 200
    office = Client()
    office.force_login(admin)
    for path in ("/swagger/", "/redoc/", "/swagger/?format=openapi", "/swagger.json", "/swagger.yaml"):
        assert get(office, path).status_code == 200
    User.objects.filter(pk=admin.pk).update(role="cashier")
    assert get(office, "/swagger/").status_code == 302
    show("S22", "documents of the API in production", "5 addresses, 4 kinds of people", "administrators only")
