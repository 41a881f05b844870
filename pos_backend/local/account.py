"""Which account runs the embedded PostgreSQL, and whether it can reach what it needs.

PostgreSQL refuses to run as root, so root hands it to an account that exists already. No account is
created and no folder outside the data folder is changed.
"""

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

READ = stat.S_IROTH
ENTER = stat.S_IXOTH


class LauncherError(Exception):
    """A sentence for the person at the terminal; shown without a traceback."""

    exit_code = 1


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int

    def may(self, wanted: int, path: Path) -> bool:
        """Whether the mode bits allow it; `wanted` is a sum of READ and ENTER."""
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & wanted == wanted


def server_account(cluster: Path, project: Path) -> Account | None:
    """The account for the server: None means the person's own, which is right for everybody but root."""
    if os.geteuid() != 0:
        return None
    # A cluster that exists keeps its owner, or its files would have to change hands.
    for folder in (cluster, project):
        if account := _unprivileged_owner(folder):
            return account
    try:
        return _account(pwd.getpwnam("nobody"))
    except KeyError:
        raise LauncherError(
            "PostgreSQL does not run as root and there is no account `nobody` to run it. "
            "Run this as a normal user, or set DATABASE_URL to a PostgreSQL server of your own."
        ) from None


def _unprivileged_owner(folder: Path) -> Account | None:
    if not folder.exists() or folder.stat().st_uid == 0:
        return None
    try:
        return _account(pwd.getpwuid(folder.stat().st_uid))
    except KeyError:  # initdb refuses an account without a name
        return None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def owner_name(path: Path) -> str:
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def closed_folder(path: Path, account: Account) -> Path | None:
    """The first folder above `path` that the account cannot enter."""
    for folder in reversed(path.resolve().parents):
        if folder.exists() and not account.may(ENTER, folder):
            return folder
    return None


def require_reachable_data(data_dir: Path, account: Account) -> None:
    if folder := closed_folder(data_dir, account):
        raise LauncherError(
            f"{_cannot_enter(account, folder)} Choose a data folder outside it, for example "
            f"POS_DATA_DIR=/srv/pos-data make run - or {_other_ways()}"
        )


def require_reachable_programs(programs: Iterable[Path], project: Path, account: Account) -> None:
    for program in programs:
        if folder := closed_folder(program, account):
            raise LauncherError(
                f"{_cannot_enter(account, folder)} {_way_out(folder, project)} - or {_other_ways()}"
            )
        if not account.may(READ, program):
            raise LauncherError(
                f"{_cannot_use(account, program)} {_way_out(program, project)} - or {_other_ways()}"
            )


def _way_out(closed: Path, project: Path) -> str:
    if project in closed.parents:
        return "Remove the folder .venv and run `make run` again, which installs it readable"
    return "Move the project to a folder that everybody can enter, for example below /srv or /opt"


def _cannot_enter(account: Account, folder: Path) -> str:
    return _cannot_use(account, folder).replace("cannot read", "cannot enter the folder")


def _cannot_use(account: Account, path: Path) -> str:
    return (
        f"PostgreSQL does not run as root, and the account `{account.name}` that would run it cannot read "
        f"{path}. Nothing was changed."
    )


def _other_ways() -> str:
    return "run it as a normal user, or set DATABASE_URL to a PostgreSQL server of your own."
