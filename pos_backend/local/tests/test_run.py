"""What the supervisor says, hides and starts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pos_backend.local.children import Program, start_program
from pos_backend.local.options import Options
from pos_backend.local.run import Shop, _children_env, first_sign_ins, later_sign_ins, summary
from pos_backend.local.stopping import StopRequest, StopRequested
from pos_backend.local.web import web_server

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
OPTIONS = Options("127.0.0.1", 8001, 3, Path("/srv/shop"), access_log=False, own_database=False)


def test_the_summary_is_short_and_complete() -> None:
    assert summary(OPTIONS, "http://localhost:8002/") == (
        "API        http://localhost:8001/api/\n"
        "Swagger    http://localhost:8001/swagger/\n"
        "ReDoc      http://localhost:8001/redoc/\n"
        "Admin      http://localhost:8001/admin/\n"
        "Payments   http://localhost:8002/ (simulated phones and cards)\n"
        "Database   embedded\n"
        "Data       /srv/shop\n"
        "\n"
        "The shop is open. Ctrl-C stops everything."
    )


def test_the_summary_of_a_shop_with_real_gateways() -> None:
    assert "Payments   the gateways in the settings\n" in summary(OPTIONS, None)


def test_a_password_of_ones_own_is_not_repeated() -> None:
    passwords = {"admin": "own-secret", "cashier": "made-up"}
    assert first_sign_ins(passwords, {"admin": "own-secret", "cashier": ""}) == (
        "admin    (the one in DEMO_ADMIN_PASSWORD)\n           cashier  made-up\n           (shown only now)"
    )


def test_later_a_given_password_is_said_to_be_ignored() -> None:
    reminder = "as printed at the first start; forgot? `.venv/bin/python manage.py changepassword admin`"
    assert later_sign_ins([]) == reminder
    assert later_sign_ins(["DEMO_ADMIN_PASSWORD"]) == (
        f"{reminder}\n           (DEMO_ADMIN_PASSWORD: only used at the first start, ignored now)"
    )


def test_the_children_get_the_data_folder_and_no_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "own-secret")
    monkeypatch.setenv("DEMO_CASHIER_PASSWORD", "own-secret")
    monkeypatch.setenv("POS_ENV", "development")
    env = _children_env(OPTIONS)
    assert (env["POS_DATA_DIR"], env["POS_ENV"]) == ("/srv/shop", "development")
    assert "own-secret" not in env.values()
    assert os.environ["DEMO_ADMIN_PASSWORD"] == "own-secret"


def test_the_web_server_is_started_as_asked() -> None:
    command = web_server(OPTIONS).command
    assert command[:4] == (sys.executable, "-m", "gunicorn", "pos_backend.wsgi:application")
    assert command[4:8] == ("--bind", "127.0.0.1:8001", "--workers", "3")
    assert "--access-logfile" not in command


def test_a_signal_is_noted_and_obeyed_at_the_next_check() -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    stop = StopRequest()
    try:
        stop.listen()
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(StopRequested):
            stop.check()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_end_of_the_parent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = StopRequest()
    stop.check()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    stop.parent = 4242
    with pytest.raises(StopRequested):
        stop.check()


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "pathlib.Path('ready').touch(); time.sleep(60)"
    )
    program = Program("Stubborn", (sys.executable, "-c", script), patience=0.2)
    child = start_program(program, tmp_path, os.environ)
    try:
        deadline = time.monotonic() + 10
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert child.ended() is None
        child.stop()
        assert child.ended() == -signal.SIGKILL
    finally:
        child.process.kill()


def test_a_bad_port_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    project = Path(__file__).resolve().parents[3]
    ended = subprocess.run(
        [sys.executable, "-m", "pos_backend.local.run"],
        cwd=project,
        env={**os.environ, "PORT": "many", "POS_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "PORT must be a whole number from 1 to 65535, not 'many'. For example: PORT=8000 make run\n"
    )
    assert not (tmp_path / "data").exists()


def test_the_end_of_the_terminal_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Also where this test itself runs under `nohup`.
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_DFL)
    monkeypatch.setattr(os, "isatty", lambda number: True)
    stop = StopRequest()
    stop.check()
    monkeypatch.setattr(os, "isatty", lambda number: False)
    with pytest.raises(StopRequested):
        stop.check()


def test_a_worker_that_dies_is_started_again_but_not_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options("127.0.0.1", 8001, 1, tmp_path, access_log=False, own_database=True)
    shop = Shop(options, StopRequest())
    tally = tmp_path / "tally"
    script = f"open({str(tally)!r}, 'a').write('x'); raise SystemExit(3)"
    shop._start(Program("The worker", (sys.executable, "-c", script), restart=True))
    for _ in range(5):
        shop.children[0].process.wait(10)
        shop._check()
    shop.children[0].process.wait(10)
    shop._check()
    assert tally.read_text() == "x" * 6, "the tills go on, the worker waits"
    monkeypatch.setattr("pos_backend.local.run.RESTART_PAUSE", 0.0)
    shop._check()
    shop.children[0].process.wait(10)
    assert tally.read_text() == "x" * 7
