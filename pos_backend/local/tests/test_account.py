"""Who runs the server, and the sentence about a folder that is closed to that account."""

import os
from pathlib import Path

import pytest

from pos_backend.local import account as accounts
from pos_backend.local.account import ENTER, READ, Account, LauncherError

STRANGER = Account("stranger", 54321, 54321)
OTHER_WAYS = "run it as a normal user, or set DATABASE_URL to a PostgreSQL server of your own."


@pytest.fixture
def open_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that counts as open all the way up: pytest's own parents are closed to strangers."""
    really_may = Account.may

    def may(self: Account, wanted: int, path: Path) -> bool:
        return path in (tmp_path, *tmp_path.parents) or really_may(self, wanted, path)

    monkeypatch.setattr(Account, "may", may)
    return tmp_path


def folder(path: Path, mode: int) -> Path:
    path.mkdir()
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("mode", "wanted", "allowed"),
    [
        (0o711, ENTER, True),
        (0o711, READ, False),
        (0o755, READ | ENTER, True),
        (0o750, ENTER, False),
        (0o704, READ, True),
        (0o704, READ | ENTER, False),
    ],
)
def test_others_are_let_in_by_the_last_digit(tmp_path: Path, mode: int, wanted: int, allowed: bool) -> None:
    assert STRANGER.may(wanted, folder(tmp_path / "x", mode)) is allowed


def test_the_owner_and_the_group_are_let_in_by_their_own_digits(tmp_path: Path) -> None:
    path = folder(tmp_path / "x", 0o710)
    status = path.stat()
    assert Account("owner", status.st_uid, 54321).may(READ | ENTER, path)
    assert Account("member", 54321, status.st_gid).may(ENTER, path)
    assert not Account("member", 54321, status.st_gid).may(READ, path)
    path.chmod(0o077)
    assert not Account("owner", status.st_uid, status.st_gid).may(ENTER, path)


def test_the_first_closed_folder_is_named(open_root: Path) -> None:
    closed = folder(folder(open_root / "open", 0o755) / "closed", 0o750)
    assert accounts.closed_folder(closed / "not-there" / "data", STRANGER) == closed
    assert accounts.closed_folder(closed, STRANGER) is None


def test_a_data_folder_behind_a_closed_one_is_refused_and_nothing_changes(open_root: Path) -> None:
    closed = folder(open_root / "closed", 0o700)
    with pytest.raises(LauncherError) as refused:
        accounts.require_reachable_data(closed / "data", STRANGER)
    assert str(refused.value) == (
        "PostgreSQL does not run as root, and the account `stranger` that would run it cannot enter the folder "
        f"{closed}. Nothing was changed. Choose a data folder outside it, for example "
        f"POS_DATA_DIR=/srv/pos-data make run - or {OTHER_WAYS}"
    )
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


@pytest.mark.parametrize(
    ("closed_name", "way_out"),
    [
        (".", "Move the project to a folder that everybody can enter, for example below /srv or /opt"),
        (".venv", "Remove the folder .venv and run `make run` again, which installs it readable"),
    ],
)
def test_closed_programs_are_refused_with_the_way_out(
    open_root: Path, closed_name: str, way_out: str
) -> None:
    project = folder(open_root / "project", 0o755)
    program = folder(project / ".venv", 0o755) / "initdb"
    program.touch(mode=0o755)
    closed = (project / closed_name).resolve()
    closed.chmod(0o700)
    with pytest.raises(LauncherError) as refused:
        accounts.require_reachable_programs([program], project, STRANGER)
    assert str(refused.value) == (
        "PostgreSQL does not run as root, and the account `stranger` that would run it cannot enter the folder "
        f"{closed}. Nothing was changed. {way_out} - or {OTHER_WAYS}"
    )


def test_an_unreadable_program_is_named(open_root: Path) -> None:
    program = open_root / "initdb"
    program.touch(mode=0o700)
    with pytest.raises(LauncherError, match=f"cannot read {program}. Nothing was changed"):
        accounts.require_reachable_programs([program], open_root.parent, STRANGER)


def test_a_normal_user_runs_the_server_as_himself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert accounts.server_account(tmp_path, tmp_path) is None


def test_for_root_the_owner_of_the_cluster_comes_before_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {tmp_path / "cluster": STRANGER, tmp_path / "project": Account("dev", 1000, 1000)}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_unprivileged_owner", owners.get)
    chosen = accounts.server_account(tmp_path / "cluster", tmp_path / "project")
    assert chosen == STRANGER
    chosen = accounts.server_account(tmp_path / "none", tmp_path / "project")
    assert chosen == Account("dev", 1000, 1000)
    chosen = accounts.server_account(tmp_path / "none", tmp_path / "none")
    assert chosen is not None
    assert chosen.name == "nobody"
