"""The packages are installed once, and again only when their lists change."""

import os
import subprocess
from pathlib import Path

import pytest

from pos_backend.local import install


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in install.REQUIREMENTS:
        path.write_text("")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that would be run; each of them succeeds."""
    made: list[tuple[str, ...]] = []

    def call(lock: int, *command: str) -> None:
        assert install.HALF_MADE.exists()
        made.append(command)

    monkeypatch.setattr(install, "_call", call)
    return made


def finished() -> None:
    install.VENV_PYTHON.parent.mkdir(parents=True, exist_ok=True)
    install.VENV_PYTHON.touch()
    install.STAMP.touch()


def test_a_finished_installation_is_left_alone(calls: list[tuple[str, ...]]) -> None:
    finished()
    assert install.main() == 0
    assert calls == []


def test_a_newer_list_is_installed_into_the_same_folder(
    calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished()
    os.utime(install.STAMP, (1, 1))
    monkeypatch.setattr(install, "_pip_works", lambda: True)
    assert install.main() == 0
    assert [command[1:4] for command in calls] == [("-m", "pip", "install")]
    assert install.is_current()


def test_a_half_made_folder_is_made_anew(
    calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished()
    install.STAMP.unlink()
    install.HALF_MADE.touch()
    (install.VENV / "rubbish").touch()
    monkeypatch.setattr(install, "_pip_works", lambda: True)
    assert install.main() == 0
    assert [command[1:3] for command in calls] == [("-m", "venv"), ("-m", "pip")]
    assert not (install.VENV / "rubbish").exists()
    assert not install.HALF_MADE.exists()


def test_a_failure_leaves_no_stamp_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(lock: int, *command: str) -> None:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(install, "_call", fail)
    assert install.main() == 1
    assert capsys.readouterr().err == (
        "The folder .venv could not be made. On Debian and Ubuntu this helps: apt install python3-venv\n"
    )
    assert not install.STAMP.exists()
    assert install.HALF_MADE.exists()
