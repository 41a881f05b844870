"""README.md and API_TESTING.md tell the truth: their commands are run, each in a fresh shop, their answers compared.

Every block marked `bash` is run, in order, in one shell per document. A block marked `json` or `text` behind it is what
it printed. Blocks marked `sh` (such as `make run`) are for the reader and are not run here.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from pos_backend.local.payments import CREDENTIALS
from pos_backend.local.web import health
from tests.servers import free_port

PROJECT = Path(__file__).parents[2]
START_SECONDS = 120
SHELL_SECONDS = 300
# Where the documents say that the shop and the simulated phones are.
SHOWN_PORTS = ("8000", "8001")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PAUSE_BETWEEN_BLOCKS = "=== end of block ==="

# What differs from shop to shop and from day to day; everything else must be as it is shown.
VOLATILE = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d", "<time>"),
    (r"SALE-\d{8}-\d{6}", "<sale number>"),
    (r"(PAY|REF)-[0-9A-F]{20}", r"\1-<reference>"),
    (r"PAY[0-9A-F]{20}", "PAY<reference>"),
    (r"\bS[0-9A-Z]{9}\b", "<receipt>"),
    (r"ws_CO_\d+", "<checkout>"),
    (r"/pay/[0-9a-z]+\b", "/pay/<code>"),
    (r"\bS\d{6}\b", "<account>"),
    (r'("receipt_number": "|Receipt )\d{6}', r"\1<number>"),
    (r'("(?:id|product|sale|cashier|payment|refund)": ?)\d+', r"\1<id>"),
    (r"\b\d{4}-\d\d-\d\d\b", "<day>"),
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


def printed_by(steps: list[Step], ports: tuple[int, int], home: Path) -> list[str]:
    """What each step prints, all of them run in one shell that knows nothing of this process."""
    script = "".join(f"{step.commands}\necho '{PAUSE_BETWEEN_BLOCKS}'\n" for step in steps)
    real = tuple(map(str, ports))
    shell = subprocess.run(
        ["bash"],
        input=with_ports(script, SHOWN_PORTS, real),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "PYTHONUTF8": "1",
        },
        timeout=SHELL_SECONDS,
        check=False,
    )
    return with_ports(shell.stdout, real, SHOWN_PORTS).split(f"{PAUSE_BETWEEN_BLOCKS}\n")[:-1]


def with_ports(text: str, old: tuple[str, ...], new: tuple[str, ...]) -> str:
    for before, after in zip(old, new, strict=True):
        text = re.sub(rf"(localhost|127\.0\.0\.1):{before}\b", rf"\g<1>:{after}", text)
    return text


def shop_settings(data_dir: str, ports: tuple[int, int]) -> dict[str, str]:
    """The settings of the documents' shop, whatever this test run or a `.env` has set."""
    port, simulator_port = ports
    return {
        **os.environ,
        # Without credentials the gateways are simulated.
        **dict.fromkeys(CREDENTIALS, ""),
        "SIMULATOR": "1",
        "SIMULATOR_PORT": str(simulator_port),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "MPESA_CALLBACK_IPS": "",
        "ALLOW_SELF_APPROVAL": "false",
        "DATABASE_URL": "",
        "DB_NAME": "",
        "DB_HOST": "",
        "POS_ENV": "development",
        "POS_DATA_DIR": data_dir,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
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


@pytest.fixture
def shop() -> Iterator[tuple[int, int]]:
    """The ports of a fresh shop that was opened as `make run` opens it, and of its simulated phones."""
    # Not pytest's own folder: as root the database runs under another account, which could not enter it.
    with tempfile.TemporaryDirectory(prefix="pos-documents-") as folder:
        ports, log = (free_port(), free_port()), Path(folder) / "launcher.log"
        data_dir = Path(folder) / "data"
        Path(folder).chmod(0o711)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pos_backend.local.run"],
                cwd=PROJECT,
                env=shop_settings(str(data_dir), ports),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_open(process, ports[0], log)
            yield ports
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.mark.parametrize(("document", "least"), [("README.md", 12), ("API_TESTING.md", 55)])
def test_the_commands_print_what_is_shown(
    document: str, least: int, shop: tuple[int, int], tmp_path: Path
) -> None:
    steps = steps_of((PROJECT / document).read_text())
    assert len(steps) >= least

    printed = printed_by(steps, shop, tmp_path)

    places = [f"{document}:{step.line}" for step in steps]
    expected = [normalised(step.shown) for step in steps]
    assert dict(zip(places, map(normalised, printed), strict=True)) == dict(
        zip(places, expected, strict=True)
    )
