"""README.md and API_TESTING.md tell the truth: their commands are run in a fresh shop, their answers compared.

Every block marked `bash` is run, in order, in one shell per document. A block marked `json` or `text` behind it is what
it printed. Blocks marked `sh` (such as `make run`) are for the reader and are not run here.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from pos_backend.local.web import health

PROJECT = Path(__file__).parents[2]
START_SECONDS = 120
SHOWN_ADDRESS = "localhost:8000"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PAUSE_BETWEEN_BLOCKS = "=== end of block ==="

# What differs from shop to shop and from day to day; everything else must be as it is shown.
VOLATILE = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d", "<time>"),
    (r"SALE-\d{8}-\d{6}", "<sale number>"),
    (r"PAY-[0-9A-F]{20}", "<reference>"),
    (r'("receipt_number": "|Receipt )\d{6}', r"\1<number>"),
    (r'("(?:id|product|sale|cashier)": )\d+', r"\1<id>"),
    (r'"stock": [\d.]+', '"stock": <stock>'),
    (r"[\d.]+ there\.", "<stock> there."),
    (r": [\d.]+ -> [\d.]+$", ": <stock> -> <stock>"),
)

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="the documents ask for curl and bash"
)


@dataclass(frozen=True)
class Step:
    """A block of commands, and what the document says it prints."""

    line: int
    commands: str
    shown: str = ""


def steps_of(text: str) -> list[Step]:
    steps: list[Step] = []
    for block in BLOCK.finditer(text):
        kind, content = block.groups()
        if kind == "bash":
            steps.append(Step(text.count("\n", 0, block.start()) + 2, content))
        elif kind in ("json", "text"):
            steps[-1] = Step(steps[-1].line, steps[-1].commands, content)
    return steps


def normalised(text: str) -> str:
    for pattern, replacement in VOLATILE:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text.strip()


def printed_by(steps: list[Step], port: int, home: Path) -> list[str]:
    """What each step prints, all of them run in one shell that knows nothing of this process."""
    script = "".join(f"{step.commands}\necho '{PAUSE_BETWEEN_BLOCKS}'\n" for step in steps)
    shell = subprocess.run(
        ["bash"],
        input=script.replace(SHOWN_ADDRESS, f"localhost:{port}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "PYTHONUTF8": "1",
        },
        timeout=120,
        check=False,
    )
    output = shell.stdout.replace(f"localhost:{port}", SHOWN_ADDRESS)
    return output.split(f"{PAUSE_BETWEEN_BLOCKS}\n")[:-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shop_settings(data_dir: str, port: int) -> dict[str, str]:
    """The settings of the documents' shop, whatever this test run or a `.env` has set."""
    return {
        **os.environ,
        "DATABASE_URL": "",
        "DB_NAME": "",
        "DB_HOST": "",
        "POS_ENV": "development",
        "POS_DATA_DIR": data_dir,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "ALLOWED_HOSTS": "localhost",
        "TIME_ZONE": "Africa/Nairobi",
        "PRICES_INCLUDE_TAX": "true",
        "CASHIER_MAX_DISCOUNT_PERCENT": "10",
        "DEMO_ADMIN_PASSWORD": "soko-la-asubuhi",
        "DEMO_CASHIER_PASSWORD": "karibu-dukani",
    }


def wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while health("127.0.0.1", port) != HTTPStatus.OK:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def shop() -> Iterator[int]:
    """The port of a shop that was opened as `make run` opens it."""
    # Not pytest's own folder: as root the database runs under another account, which could not enter it.
    with tempfile.TemporaryDirectory(prefix="pos-documents-") as folder:
        port, log = free_port(), Path(folder) / "launcher.log"
        data_dir = Path(folder) / "data"
        Path(folder).chmod(0o711)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pos_backend.local.run"],
                cwd=PROJECT,
                env=shop_settings(str(data_dir), port),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_open(process, port, log)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.mark.parametrize(("document", "least"), [("README.md", 6), ("API_TESTING.md", 30)])
def test_the_commands_print_what_is_shown(document: str, least: int, shop: int, tmp_path: Path) -> None:
    steps = steps_of((PROJECT / document).read_text())
    assert len(steps) >= least

    printed = printed_by(steps, shop, tmp_path)

    places = [f"{document}:{step.line}" for step in steps]
    expected = [normalised(step.shown) for step in steps]
    assert dict(zip(places, map(normalised, printed), strict=True)) == dict(
        zip(places, expected, strict=True)
    )
