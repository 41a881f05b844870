"""Test runs tidy up after one another."""

import os
import subprocess
from pathlib import Path

from pos_backend.local.testing import remove_stale


def test_only_folders_of_dead_runs_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["/bin/sh", "-c", ":"])
    ended.wait()
    names = {str(ended.pid), str(os.getpid()), str(os.getppid()), "kept"}
    for name in names:
        (tmp_path / name / "postgres").mkdir(parents=True)
    remove_stale(tmp_path)
    # A folder with this very number can only be left from an earlier process that had it.
    assert {path.name for path in tmp_path.iterdir()} == {str(os.getppid()), "kept"}


def test_without_any_there_is_nothing_to_do(tmp_path: Path) -> None:
    remove_stale(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
