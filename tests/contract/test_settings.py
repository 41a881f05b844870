"""The settings of a replica, as an operator gives them."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from pos_backend.local.postgres import PROJECT

SHOWN = "import json; from pos_backend.settings import DATABASES; print(json.dumps(DATABASES))"
PRIMARY = "postgresql://pos:first@db.lan/pos"
REPLICA = "postgresql://pos:second@copy.lan:6432/pos"


def start(**env: str) -> subprocess.CompletedProcess[str]:
    here = {**os.environ, "DB_NAME": "", **env}
    return subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=PROJECT, env=here, capture_output=True, text=True, check=False
    )


def databases(**env: str) -> dict[str, Any]:
    return dict(json.loads(start(**env).stdout))


def test_the_replica_has_the_limits_of_the_primary_and_is_waited_for_less() -> None:
    found = databases(DATABASE_URL=PRIMARY, DATABASE_REPLICA_URL=f"{REPLICA}?sslmode=require")
    assert list(found) == ["default", "replica"]
    ours, theirs = found["default"]["OPTIONS"], found["replica"]["OPTIONS"]
    assert "statement_timeout=15s" in ours["options"]
    assert theirs["options"] == ours["options"]
    assert (ours["connect_timeout"], theirs["connect_timeout"]) == (5, 2)
    assert (found["replica"]["HOST"], found["replica"]["PORT"]) == ("copy.lan", 6432)
    assert theirs["sslmode"] == "require"
    assert found["replica"]["CONN_HEALTH_CHECKS"] is True


def test_what_the_address_says_itself_stands() -> None:
    address = f"{REPLICA}?connect_timeout=9&options=-c%20statement_timeout%3D60s"
    options = databases(DATABASE_URL=PRIMARY, DATABASE_REPLICA_URL=address)["replica"]["OPTIONS"]
    assert options["connect_timeout"] == 9
    assert options["options"].endswith("-c statement_timeout=60s")


def test_a_machine_that_is_gone_is_not_waited_for() -> None:
    options = databases(DATABASE_URL=PRIMARY)["default"]["OPTIONS"]
    assert (options["tcp_user_timeout"], options["keepalives_idle"]) == (10_000, 5)


def test_an_address_may_name_a_primary_and_its_standby() -> None:
    """That libpq finds the one that can be written to is shown by tests/faults/test_failover.py."""
    both = "host=db1.lan,db2.lan&port=5432,5433&target_session_attrs=read-write"
    found = databases(DATABASE_URL=f"postgresql://pos:first@/pos?{both}")["default"]
    assert (found["HOST"], found["PORT"], found["NAME"], found["USER"]) == ("", "", "pos", "pos")
    named = {name: found["OPTIONS"][name] for name in ("host", "port", "target_session_attrs")}
    assert named == {"host": "db1.lan,db2.lan", "port": "5432,5433", "target_session_attrs": "read-write"}


def test_without_an_address_there_is_no_replica() -> None:
    assert list(databases(DATABASE_URL=PRIMARY, DATABASE_REPLICA_URL="")) == ["default"]


@pytest.mark.parametrize(
    ("primary", "replica", "sentence"),
    [
        (
            "",
            REPLICA,
            "DATABASE_REPLICA_URL is set, but not the DATABASE_URL of the database that it follows.",
        ),
        (PRIMARY, "mysql://pos:second@copy.lan/pos", "DATABASE_REPLICA_URL must begin with postgresql://"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(primary: str, replica: str, sentence: str) -> None:
    refused = start(DATABASE_URL=primary, DATABASE_REPLICA_URL=replica, POS_ENV="development")
    assert refused.returncode == 1
    assert f"ImproperlyConfigured: {sentence}" in refused.stderr
    assert "second" not in refused.stderr
