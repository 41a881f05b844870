"""How long a server takes until it can work, and how much an image would hold.

From starting gunicorn, with the settings of production and a database that is ready, to its first answer of
`/readyz/`; and the installed files of what `requirements.txt` names.
"""

import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, distribution
from statistics import median

from benchmarks import report
from benchmarks.client import Connection, packed
from benchmarks.cpu import cpu_seconds
from benchmarks.database import empty_database, work_folder
from benchmarks.office import manage
from benchmarks.scenarios import get
from benchmarks.server import SHOP, production, serving, shape
from benchmarks.stopping import printed, say
from pos_backend.local.account import LauncherError
from pos_backend.local.postgres import PROJECT

TIMES = 5
SHOWN = 8
MIB = 1024 * 1024
NAME = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def run(stack: ExitStack) -> str:
    """Everything is opened in `stack`, which closes it in reverse order; the report."""
    folder = stack.enter_context(work_folder())
    database = stack.enter_context(empty_database(folder))
    env = {**os.environ, **production(database.url, folder)}
    manage(env, "migrate", "--no-input", "--verbosity", "0")
    found = []
    for number in range(TIMES):
        say(f"Start {number + 1} of {TIMES}")
        found.append(_started(env))
    return "\n".join((report.machine(database.version, shape()), "", _start_lines(found), "", _packages()))


def _started(env: dict[str, str]) -> tuple[float, float]:
    """Seconds, and seconds of processor time, until the first answer of a server that is then ended."""
    began = time.monotonic()
    with serving(SHOP, env) as server:
        connection = Connection(server.port)
        # The port is open before the workers are; the question waits for the first of them.
        answer = connection.ask(packed(get("/readyz/", {})))
        taken, used = time.monotonic() - began, cpu_seconds(server.process)
        connection.close()
    if answer.status != 200:
        raise LauncherError(f"/readyz/: {answer.status} {answer.body[:300]!r}")
    return taken, used


def _start_lines(found: Sequence[tuple[float, float]]) -> str:
    seconds, used = ([start[column] for start in found] for column in (0, 1))
    each = ", ".join(f"{taken:.2f}" for taken in seconds)
    return "\n".join(
        (
            "From starting gunicorn to the first answer of /readyz/",
            f"median of {len(found)}: {median(seconds):.2f} s, {median(used):.2f} s of CPU in all its processes",
            f"each: {each} s",
        )
    )


def _packages() -> str:
    names = NAME.findall((PROJECT / "requirements.txt").read_text())
    sizes = {name: _installed_bytes(name) for name in names}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:SHOWN]
    shown = ", ".join(f"{name} {sizes[name] / MIB:.1f}" for name in largest)
    return (
        f"Installed packages of requirements.txt: {sum(sizes.values()) / MIB:.1f} MiB in {len(sizes)} packages, "
        f"compiled Python included\nthe largest, MiB: {shown}"
    )


def _installed_bytes(name: str) -> int:
    """Of all its files. Raises `LauncherError` where it is not installed."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        raise LauncherError(f"{name} is not installed. Run `make test` once.") from None
    paths = [path.locate() for path in files]
    return sum(os.stat(path).st_size for path in paths if os.path.isfile(path))


def main() -> int:
    return printed(run)


if __name__ == "__main__":
    sys.exit(main())
