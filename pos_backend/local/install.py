"""Installs the packages into `.venv`, once. Started by the Makefile, it needs nothing but Python itself."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
VENV_PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
# Left behind by an installation that was cut off: such a folder is made anew.
HALF_MADE = VENV / ".installing"
REQUIREMENTS = (Path("requirements.txt"), Path("requirements-dev.txt"))


def install() -> None:
    lock = os.open(".", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if is_current():  # another installation ended while this one waited
        return
    print("Installing (once) ...", flush=True)
    if HALF_MADE.exists() or not _pip_works():
        _make_venv(lock)
    HALF_MADE.touch()
    pip = (str(VENV_PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check")
    _call(lock, *pip, "-r", str(REQUIREMENTS[-1]))
    HALF_MADE.unlink()
    STAMP.touch()


def is_current() -> bool:
    if not (VENV_PYTHON.exists() and STAMP.exists()):
        return False
    return all(STAMP.stat().st_mtime_ns >= path.stat().st_mtime_ns for path in REQUIREMENTS)


def _pip_works() -> bool:
    command = (str(VENV_PYTHON), "-m", "pip", "--version")
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_venv(lock: int) -> None:
    if VENV.is_symlink():
        VENV.unlink()
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    HALF_MADE.touch()
    _call(lock, sys.executable, "-m", "venv", str(VENV))


def _call(lock: int, *command: str) -> None:
    # The lock is handed on, so that it lasts as long as anything still writes.
    subprocess.run(command, check=True, pass_fds=[lock])


def main() -> int:
    if os.geteuid() == 0:
        # PostgreSQL runs from this folder as another account, which must be able to read it.
        os.umask(0o022)
    try:
        install()
    except subprocess.CalledProcessError as error:
        print(_advice(error.cmd), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _advice(command: tuple[str, ...]) -> str:
    if "venv" in command:
        return "The folder .venv could not be made. On Debian and Ubuntu this helps: apt install python3-venv"
    return "The packages could not be installed: the reason is above. Put it right and run the command again."


if __name__ == "__main__":
    sys.exit(main())
