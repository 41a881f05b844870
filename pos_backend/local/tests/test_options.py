"""Options are read with care, and no password is ever repeated."""

import os
from pathlib import Path

import psycopg2
import pytest

from pos_backend.local import options
from pos_backend.local.account import LauncherError
from pos_backend.local.options import OptionError, database_is_configured, read_options, require_own_database

NAMES = (
    "HOST",
    "PORT",
    "WEB_CONCURRENCY",
    "POS_DATA_DIR",
    "ACCESS_LOG",
    "DB_NAME",
    "DB_HOST",
    "DATABASE_URL",
)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    def config(name: str, default: str = "") -> str:
        return os.environ.get(name, default)

    monkeypatch.setattr(options, "config", config)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_any_option() -> None:
    chosen = read_options(Path("/shop"))
    assert (chosen.bind, chosen.site, chosen.workers) == ("127.0.0.1:8000", "http://localhost:8000", 2)
    assert chosen.data_dir == Path("/shop/.pos")
    assert (chosen.own_database, chosen.access_log) == (False, False)


@pytest.mark.parametrize(
    ("host", "bind", "reached_at", "site"),
    [
        ("0.0.0.0", "0.0.0.0:8000", "127.0.0.1", "http://localhost:8000"),  # noqa: S104 - only a text here
        ("::", "[::]:8000", "::1", "http://localhost:8000"),
        ("shop.lan", "shop.lan:8000", "shop.lan", "http://shop.lan:8000"),
    ],
)
def test_the_host_decides_the_addresses(
    monkeypatch: pytest.MonkeyPatch, host: str, bind: str, reached_at: str, site: str
) -> None:
    monkeypatch.setenv("HOST", host)
    chosen = read_options(Path("/shop"))
    assert (chosen.bind, chosen.reached_at, chosen.site) == (bind, reached_at, site)


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "80.5", ""])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(OptionError) as refused:
        read_options(Path("/shop"))
    assert str(refused.value) == (
        f"PORT must be a whole number from 1 to 65535, not {port!r}. For example: PORT=8000 make run"
    )
    assert refused.value.exit_code == 2


def test_a_named_server_is_used_instead_of_the_embedded_one() -> None:
    assert database_is_configured({"DATABASE_URL": "postgresql://h/n"}.get)
    assert database_is_configured({"DB_NAME": "n"}.get)
    assert not database_is_configured({"DATABASE_URL": ""}.get)
    with pytest.raises(OptionError, match="DB_HOST is set but DB_NAME is not"):
        database_is_configured({"DB_HOST": "h"}.get)


@pytest.mark.parametrize("url", ["mysql://u:hidden@h/n", "nonsense-hidden", "postgresql://u:hidden@h:port/n"])
def test_another_kind_of_address_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(OptionError) as refused:
        require_own_database()
    assert str(refused.value) == (
        "DATABASE_URL is no PostgreSQL address: write postgresql://user:password@host:5432/name."
    )


def test_an_unreachable_server_is_named_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str) -> None:
        assert "password=hidden" in address
        raise psycopg2.OperationalError("connection refused\n\tIs the server running?")

    monkeypatch.setattr(options.psycopg2, "connect", refuse)
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:hidden@db.lan/shop?sslmode=require")
    with pytest.raises(LauncherError) as refused:
        require_own_database()
    assert str(refused.value).splitlines()[0] == (
        "The database `shop` at db.lan:5432 cannot be used as `ann`: connection refused"
    )
    assert "hidden" not in str(refused.value)
