"""The data folder is made closed, and a folder with other things in it is left alone."""

import os
from pathlib import Path

import pytest

from pos_backend.local.account import Account, LauncherError
from pos_backend.local.data_folder import prepare_data_folder

STRANGER = Account("stranger", 54321, 54321)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_folder_is_closed_to_others_and_hidden_from_git(tmp_path: Path) -> None:
    data = tmp_path / "a" / "data"
    prepare_data_folder(data, None)
    assert (mode(data), mode(data.parent)) == (0o700, 0o700)
    assert (data / ".gitignore").read_text() == "*\n"


def test_the_servers_account_may_pass_through_but_not_look(tmp_path: Path) -> None:
    data = tmp_path / "a" / "data"
    old = os.umask(0o077)
    try:
        prepare_data_folder(data, STRANGER)
    finally:
        os.umask(old)
    assert (mode(data), mode(data.parent)) == (0o711, 0o711)


def test_a_shops_folder_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("x")
    (tmp_path / ".gitignore").write_text("mine")
    tmp_path.chmod(0o755)
    prepare_data_folder(tmp_path, None)
    assert mode(tmp_path) == 0o700
    prepare_data_folder(tmp_path, STRANGER)
    assert mode(tmp_path) == 0o711
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    before = mode(tmp_path)
    with pytest.raises(LauncherError) as refused:
        prepare_data_folder(tmp_path, STRANGER)
    assert str(refused.value) == (
        f"The folder {tmp_path} holds other things, no shop. Set POS_DATA_DIR to a new or empty folder."
    )
    assert mode(tmp_path) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(LauncherError) as refused:
        prepare_data_folder(tmp_path / "data", None)
    assert str(refused.value) == (
        f"The data folder {tmp_path / 'data'} cannot be made: there is a file of that name. "
        "Set POS_DATA_DIR to a folder that you can write to."
    )
