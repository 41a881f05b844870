"""What the person asked for: options of `make run` from the environment or `.env`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dj_database_url
import psycopg2
from decouple import config
from psycopg2.extensions import make_dsn

from pos_backend.local.account import LauncherError

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - nothing is bound here


class OptionError(LauncherError):
    """An option that cannot mean anything."""

    exit_code = 2


@dataclass(frozen=True)
class Options:
    host: str
    port: int
    workers: int
    data_dir: Path
    access_log: bool
    own_database: bool
    simulator_port: int = 8001
    waiters: int = 16

    @property
    def bind(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def reached_at(self) -> str:
        """The host to ask whether the shop is open."""
        return EVERY_ADDRESS.get(self.host, self.host)

    @property
    def site(self) -> str:
        """The address to show."""
        local = {"127.0.0.1", "::1", *EVERY_ADDRESS}
        host = "localhost" if self.host in local else _bracketed(self.host)
        return f"http://{host}:{self.port}"


def read_options(project: Path) -> Options:
    return Options(
        host=str(config("HOST", default="127.0.0.1")),
        port=_whole_number("PORT", "8000", 1, 65535),
        workers=_whole_number("WEB_CONCURRENCY", "2", 1, 64),
        data_dir=(project / Path(config("POS_DATA_DIR", default=".pos")).expanduser()).resolve(),
        access_log=str(config("ACCESS_LOG", default="0")) not in ("", "0", "false", "no"),
        waiters=_whole_number("PAYMENT_WAITERS", "16", 1, 200),
        simulator_port=_whole_number("SIMULATOR_PORT", "8001", 1, 65535),
        own_database=database_is_configured(lambda name: str(config(name, default=""))),
    )


def database_is_configured(value_of: Callable[[str], str | None]) -> bool:
    """Whether a server was named that is to be used instead of the embedded one."""
    if value_of("DATABASE_URL") or value_of("DB_NAME"):
        return True
    if value_of("DB_HOST"):
        raise OptionError("DB_HOST is set but DB_NAME is not: set both, or set DATABASE_URL, or neither.")
    return False


def require_own_database() -> None:
    """Fail with one sentence, without the password, when the configured server does not answer."""
    parts = _configured_parts()
    place = f"{parts['host'] or 'localhost'}:{parts['port'] or 5432}"
    try:
        psycopg2.connect(make_dsn(**parts, connect_timeout=5)).close()
    except psycopg2.Error as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        user = f" as `{parts['user']}`" if parts["user"] else ""
        raise LauncherError(
            f"The database `{parts['dbname']}` at {place} cannot be used{user}: {reason}\n"
            "Check DATABASE_URL (or DB_NAME, DB_USER, DB_PASSWORD, DB_HOST, DB_PORT) and that the server "
            "is up, or unset it to use the embedded PostgreSQL."
        ) from None


def _configured_parts() -> dict[str, str]:
    if url := str(config("DATABASE_URL", default="")):
        return _parts_of(url)
    return {
        "dbname": str(config("DB_NAME")),
        "user": str(config("DB_USER", default="")),
        "password": str(config("DB_PASSWORD", default="")),
        "host": str(config("DB_HOST", default="localhost")),
        "port": str(config("DB_PORT", default="5432")),
    }


def _parts_of(url: str) -> dict[str, str]:
    try:
        parsed = dj_database_url.parse(url)
    except ValueError:
        parsed = {}
    if not str(parsed.get("ENGINE", "")).endswith("postgresql"):
        # The address itself is not repeated: it may hold a password.
        raise OptionError(
            "DATABASE_URL is no PostgreSQL address: write postgresql://user:password@host:5432/name."
        )
    options = parsed.get("OPTIONS") or {}
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    parts = {name: str(parsed.get(key) or "") for name, key in names.items()}
    return parts | {name: str(value) for name, value in options.items() if name.startswith("ssl")}


def _whole_number(name: str, default: str, lowest: int, highest: int) -> int:
    text = str(config(name, default=default)).strip()
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise OptionError(
            f"{name} must be a whole number from {lowest} to {highest}, not {text!r}. "
            f"For example: {name}={default} make run"
        )
    return int(text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
