"""The folder that holds everything a local shop keeps: its database, its key, its log."""

import errno
import os
import stat
from pathlib import Path

from pos_backend.local.account import ENTER, Account, LauncherError, owner_name

KNOWN_NAMES = {"lock", "media", "postgres", "secret_key"}


def prepare_data_folder(data_dir: Path, account: Account | None) -> None:
    """Make the folder, or check that the one there is a shop's and can be written."""
    _refuse_foreign(data_dir)
    try:
        _make(data_dir, account)
    except OSError as error:
        raise LauncherError(
            f"The data folder {data_dir} cannot be made: {error.strerror}. "
            "Set POS_DATA_DIR to a folder that you can write to."
        ) from None
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise LauncherError(
            f"The data folder {data_dir} belongs to {owner_name(data_dir)} and you cannot write to it. "
            "Run this as its owner, or set POS_DATA_DIR to a folder of your own."
        )
    ignored = data_dir / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n")


def _refuse_foreign(data_dir: Path) -> None:
    # Whatever else lives in the folder would be hidden from git and opened to the server's account.
    if not data_dir.is_dir() or not os.access(data_dir, os.R_OK):
        return
    names = {entry.name for entry in data_dir.iterdir()} - {".gitignore"}
    if names and not names & KNOWN_NAMES:
        raise LauncherError(
            f"The folder {data_dir} holds other things, no shop. Set POS_DATA_DIR to a new or empty folder."
        )


def _make(data_dir: Path, account: Account | None) -> None:
    for folder in reversed([data_dir, *data_dir.parents]):
        if not folder.exists():
            folder.mkdir(mode=0o700)
            if account:
                folder.chmod(0o711)
    if not data_dir.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "there is a file of that name")
    if data_dir.stat().st_uid == os.geteuid():
        # The server's account passes through on its way to its own folder; nobody looks around.
        data_dir.chmod(0o711 if account else 0o700)
    elif account and not account.may(ENTER, data_dir):
        data_dir.chmod(stat.S_IMODE(data_dir.stat().st_mode) | 0o011)
