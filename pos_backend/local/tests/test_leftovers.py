"""One shop per data folder; only what was surely ours is ended."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pos_backend.local import leftovers
from pos_backend.local.account import LauncherError
from pos_backend.local.children import Child
from pos_backend.local.leftovers import RunState, only_one, read_state, running_sentence, stop_leftovers

STOP = [["SIGTERM", 5.0], ["SIGKILL", 5.0]]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "60"])
    yield process
    process.kill()
    process.wait()


def write(data_dir: Path, *children: dict[str, object]) -> None:
    state = {"supervisor": {"pid": 1, "created": 0.0, "port": 8000}, "children": children}
    (data_dir / "run.json").write_text(json.dumps(state))


def test_a_process_with_the_same_number_and_birth_is_ended(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    created = psutil.Process(sleeper.pid).create_time()
    write(tmp_path, {"name": "The web server", "pid": sleeper.pid, "created": created, "stop": STOP})
    assert stop_leftovers(tmp_path) == [f"The web server (process {sleeper.pid})"]
    assert sleeper.wait(5) == -15


def test_a_number_that_was_given_to_another_program_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    created = psutil.Process(sleeper.pid).create_time() - 60
    write(tmp_path, {"name": "The web server", "pid": sleeper.pid, "created": created, "stop": STOP})
    assert stop_leftovers(tmp_path) == []
    assert sleeper.poll() is None


def test_a_server_pid_of_another_program_is_left_alone_and_forgotten(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    # PostgreSQL itself would refuse to start as long as that program lives.
    cluster = tmp_path / "postgres"
    cluster.mkdir()
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock", "PG_VERSION"):
        (cluster / name).write_text(f"{sleeper.pid}\n{cluster}\n1\n5432\n{cluster}\n")
    assert stop_leftovers(tmp_path) == []
    assert sleeper.poll() is None
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", '{"children": []}', '{"supervisor": 3, "children": []}', '{"supervisor": {}}'],
)
def test_a_broken_state_file_is_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    assert read_state(tmp_path) == {}
    assert stop_leftovers(tmp_path) == []


def test_broken_records_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {}, {"name": "x", "pid": "y", "created": 1, "stop": STOP}, {"pid": -1, "created": 0})
    assert stop_leftovers(tmp_path) == []


def test_the_state_names_every_child(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    state = RunState(tmp_path, 8000)
    state.write([Child("Sleeper", sleeper, leftovers.STOP_STEPS)])
    written = read_state(tmp_path)
    assert written["supervisor"]["port"] == 8000
    assert written["children"] == [
        {
            "name": "Sleeper",
            "pid": sleeper.pid,
            "created": psutil.Process(sleeper.pid).create_time(),
            "stop": [["SIGINT", 20.0], ["SIGQUIT", 10.0], ["SIGKILL", 10.0]],
        }
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    state.remove()
    assert read_state(tmp_path) == {}


def test_a_second_start_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with only_one(tmp_path, 8000):
        RunState(tmp_path, 8000).write([])
        pid = read_state(tmp_path)["supervisor"]["pid"]
        with pytest.raises(LauncherError) as refused, only_one(tmp_path, 8000):
            pytest.fail("two at once")
        assert str(refused.value) == running_sentence({"pid": pid, "port": 8000}, 8000)
    with only_one(tmp_path, 8000):
        pass


def test_the_sentence_fits_the_port() -> None:
    beside = "or start a second shop beside it: POS_DATA_DIR=.pos-2 PORT=8002 make run"
    stop = f"Stop it first (Ctrl-C in its terminal, or kill 42), {beside}"
    assert running_sentence({"pid": 42, "port": 8001}, 8001) == (
        f"Port 8001 is already in use by this shop itself, running as process 42. {stop}"
    )
    assert running_sentence({"pid": 42, "port": 8000}, 8001) == (
        f"This shop is already running as process 42 on port 8000. {stop}"
    )
    assert running_sentence({}, 8001) == (
        f"This shop is just being started by another process. Wait for it, {beside}"
    )
