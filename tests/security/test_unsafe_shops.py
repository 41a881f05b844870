"""A shop that would lose money, or show its secrets, is not opened, and says what mends it (S15)."""

import secrets
import subprocess
from typing import Any
from urllib.parse import quote

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import Client

from pos_backend.safety import unsafe_database, unsafe_settings
from tests.figures import show
from tests.servers import python

SOUND = {
    "POS_ENV": "production",
    "DEBUG": "false",
    "ALLOWED_HOSTS": "shop.example",
    "PUBLIC_BASE_URL": "https://shop.example",
    "DATABASE_URL": "postgresql://pos@localhost/pos",
    "DB_NAME": "",
    "NUM_PROXIES": "0",
}
MPESA = {
    "MPESA_CONSUMER_KEY": "key-of-the-canary",
    "MPESA_CONSUMER_SECRET": "secret-of-the-canary",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "passkey-of-the-canary",
    "MPESA_ENVIRONMENT": "production",
}
GATEWAYS = {
    **MPESA,
    "CURRENCY": "KES",
    "MPESA_TRANSACTION_TYPE": "CustomerPayBillOnline",
    "MPESA_MAX_AMOUNT": "250000",
}
UNSAFE: dict[str, tuple[dict[str, Any], str]] = {
    "debug": ({"DEBUG": True}, "DEBUG is on"),
    "short key": ({"SECRET_KEY": "pos-secret"}, "SECRET_KEY can be guessed"),
    "key of one letter": ({"SECRET_KEY": "x" * 80}, "SECRET_KEY can be guessed"),
    "any host": ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS has a wildcard"),
    "any host of ours": ({"ALLOWED_HOSTS": ["shop.example", "*.example"]}, "ALLOWED_HOSTS has a wildcard"),
    "any host below ours": ({"ALLOWED_HOSTS": [".example"]}, "ALLOWED_HOSTS has a wildcard"),
    "no host": ({"ALLOWED_HOSTS": []}, "ALLOWED_HOSTS is empty"),
    "clear text": ({"PUBLIC_BASE_URL": "http://shop.example"}, "PUBLIC_BASE_URL is not https"),
    "a name without scheme": ({"PUBLIC_BASE_URL": "shop.example"}, "PUBLIC_BASE_URL is not https"),
    "callbacks in clear text": (
        {"GATEWAYS": {"MPESA_CALLBACK_URL": "http://shop.example/"}},
        "MPESA_CALLBACK_URL is not https",
    ),
    "test hook": ({"PAYMENT_STEP_HOOK": "tests.faults.killing.kill"}, "PAYMENT_STEP_HOOK is for tests"),
    "no passkey": ({"GATEWAYS": {**GATEWAYS, "MPESA_PASSKEY": ""}}, "only in part. Missing: MPESA_PASSKEY"),
    "no secret": ({"GATEWAYS": {**GATEWAYS, "MPESA_CONSUMER_SECRET": ""}}, "Missing: MPESA_CONSUMER_SECRET"),
    "airtel without its secret": (
        {"GATEWAYS": {"AIRTEL_CLIENT_ID": "canary"}},
        "AIRTEL_CLIENT_SECRET is missing",
    ),
    "card without its address": (
        {"GATEWAYS": {"PAYMENT_GATEWAY_API_KEY": "sk_live_canary"}},
        "PAYMENT_GATEWAY_BASE_URL is missing",
    ),
}


def manage(*arguments: str, **env: str | None) -> subprocess.CompletedProcess[str]:
    """A program of the project in a sound shop with these settings; None takes one away."""
    return python(*arguments, **{"SECRET_KEY": secrets.token_urlsafe(50), **SOUND, **env})


def check(**env: str) -> subprocess.CompletedProcess[str]:
    return manage("manage.py", "check", "--deploy", "--fail-level", "WARNING", **env)


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_a_sound_shop_has_nothing_to_mend(proxies: str) -> None:
    """With a proxy in front, and without."""
    answer = check(NUM_PROXIES=proxies, **MPESA)
    assert (answer.returncode, answer.stdout) == (0, "System check identified no issues (1 silenced).\n")
    show("S15", f"check --deploy with NUM_PROXIES={proxies}", "1 run", "no message")


@pytest.fixture
def in_production(settings: Any) -> None:
    settings.DEVELOPMENT = False
    settings.SECURE_SSL_REDIRECT = False
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.mark.parametrize("case", UNSAFE)
def test_what_is_unsafe_is_named(case: str, in_production: None, settings: Any) -> None:
    changes, sentence = UNSAFE[case]
    assert list(unsafe_settings()) == []
    for name, value in changes.items():
        setattr(settings, name, value)
    (told,) = unsafe_settings()
    assert sentence in told
    assert "canary" not in told


def test_no_command_runs_and_nothing_is_served() -> None:
    """Two ways in; all reasons are told at once."""
    unsafe = {**MPESA, "DEBUG": "true", "ALLOWED_HOSTS": "*", "SECRET_KEY": "short", "MPESA_PASSKEY": ""}
    for way in (("manage.py", "expire_sales"), ("-c", "import pos_backend.wsgi")):
        answer = manage(*way, **unsafe)
        assert answer.returncode == 1
        for sentence in ("DEBUG is on", "SECRET_KEY can be", "has a wildcard", "Missing: MPESA_PASSKEY"):
            assert sentence in answer.stderr
        assert "canary" not in answer.stderr
    show("S15", "unsafe settings are refused", f"{len(UNSAFE)} kinds", "each with the sentence that mends it")


def test_debugging_is_no_way_around() -> None:
    """With a database of its own it is a shop, unless POS_ENV says otherwise."""
    answer = manage("manage.py", "check", POS_ENV=None, DEBUG="true", ALLOWED_HOSTS="*")
    assert answer.returncode == 1
    for sentence in ("DEBUG is on", "has a wildcard"):
        assert sentence in answer.stderr


def test_a_sandbox_is_told() -> None:
    told = check(**{**MPESA, "MPESA_ENVIRONMENT": "sandbox"})
    assert told.returncode == 1
    assert "M-Pesa is set up for its sandbox" in told.stderr


def test_while_developing_nothing_is_refused(settings: Any) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["*"]
    assert list(unsafe_settings()) == []


def test_a_database_that_forgets_is_refused(db: None, in_production: None) -> None:
    """The tests' own server is forgetful, as no shop's may be; only what a session may set is set right here."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        told = list(unsafe_database())
        assert "PostgreSQL runs with synchronous_commit=off." in " ".join(told)
        answer = Client().get("/readyz/")
        assert answer.status_code == 503
        assert "synchronous_commit=off" in answer.json()["error"]
        assert "E1" in " ".join(message.id or "" for message in run_checks(databases=["default"]))
        cursor.execute("SET LOCAL synchronous_commit = local")
        assert "synchronous_commit" not in " ".join(unsafe_database())  # nobody would take over
        cursor.execute("SET LOCAL synchronous_commit = remote_write")
        assert "synchronous_commit" not in " ".join(unsafe_database())


def test_a_database_that_is_away_is_waited_for(in_production: None) -> None:
    """A server must start while PostgreSQL does; /readyz/ looks at it as soon as it answers."""
    answer = manage(
        "-c",
        "import pos_backend.wsgi",
        DATABASE_URL=f"postgresql://pos@{quote('/nowhere', safe='')}/pos",
    )
    assert (answer.returncode, "is checked by /readyz/ later" in answer.stderr) == (0, True)


def test_the_worker_refuses_it_too(db: None, in_production: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    with pytest.raises(SystemCheckError, match="synchronous_commit=off"):
        call_command("payments_worker", "--once")
