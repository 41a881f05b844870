"""`make run`: the whole shop on one computer, from nothing to an open API, and back to nothing.

It starts PostgreSQL, prepares the database, starts the web server and ends everything together.
"""

import contextlib
import http
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NoReturn

from decouple import config

from pos_backend.local.account import LauncherError
from pos_backend.local.children import Child, Program, end_process, start_program
from pos_backend.local.cluster import last_lines
from pos_backend.local.data_folder import prepare_data_folder
from pos_backend.local.leftovers import RunState, only_one, stop_leftovers
from pos_backend.local.options import Options, read_options, require_own_database
from pos_backend.local.payments import (
    simulator,
    simulator_is_wanted,
    simulator_port,
    simulator_settings,
    wait_for_simulator,
    worker,
)
from pos_backend.local.port import own_names, require_free_port
from pos_backend.local.postgres import PROJECT, EmbeddedPostgres
from pos_backend.local.stopping import StopRequest, StopRequested
from pos_backend.local.web import health, web_server

DEMO_PASSWORDS = {"admin": "DEMO_ADMIN_PASSWORD", "cashier": "DEMO_CASHIER_PASSWORD"}
DEMO_CREATED = "demo: created"
FORGOTTEN = "as printed at the first start; forgot? `.venv/bin/python manage.py changepassword admin`"
ANSWER_SECONDS = 60.0
PAUSE = 0.2
# After so many restarts within so many seconds, the next one waits.
MAX_RESTARTS = 5
RESTART_WINDOW = 60.0
RESTART_PAUSE = 10.0


class Shop:
    """Everything that runs, in the order in which it was started."""

    def __init__(self, options: Options, stop: StopRequest) -> None:
        self.options = options
        self.stop = stop
        self.state = RunState(options.data_dir, options.port)
        self.postgres = None if options.own_database else EmbeddedPostgres(options.data_dir)
        self.children: list[Child] = []
        self.restarts: list[float] = []
        self.env = _children_env(options)

    def run(self) -> int:
        if self.postgres:
            self.postgres.prepare()
        else:
            prepare_data_folder(self.options.data_dir, None)
        with only_one(self.options.data_dir, self.options.port):
            return self._run_alone()

    def _run_alone(self) -> int:
        if stopped := stop_leftovers(self.options.data_dir):
            say(f"Stopped what an earlier run left behind: {', '.join(stopped)}.")
        require_free_port(self.options.host, self.options.port)
        self.state.write([])
        try:
            self._open()
            self._watch()
        except StopRequested:
            say("\nStopping ...")
            return 0
        finally:
            self._close()

    def _open(self) -> None:
        self._start_database()
        say("Preparing the database ...")
        self._manage("migrate", "--noinput")
        # At once, whatever happens next: these passwords are kept nowhere.
        say(f"\nSign-ins   {self._load_demo()}")
        phones = self._start_simulator() if simulator_is_wanted() else None
        self._start(web_server(self.options))
        self._wait_until_open()
        self._start(worker())
        say(summary(self.options, phones))

    def _start_simulator(self) -> str:
        """Gateways to try things on; the address of the page with the phones."""
        port = simulator_port(self.options)
        self.env.update(simulator_settings(self.options, port))
        self._start(simulator(self.options, port))
        wait_for_simulator(self.options, port, self._check)
        return f"{self.options.site.rpartition(':')[0]}:{port}/"

    def _start_database(self) -> None:
        if self.postgres is None:
            require_own_database()
            return
        say("Starting PostgreSQL ...")
        self.postgres.start(check=self.stop.check)
        self._add(self.postgres.child())

    def _start(self, program: Program) -> None:
        self.stop.check()
        self._add(start_program(program, PROJECT, self.env))

    def _add(self, child: Child) -> None:
        self.children.append(child)
        self.state.write(self.children)

    def _load_demo(self) -> str:
        """Fill an empty shop; how to sign in."""
        given = {name: str(config(variable, default="")) for name, variable in DEMO_PASSWORDS.items()}
        passwords = {name: value or secrets.token_urlsafe(12) for name, value in given.items()}
        output = self._manage(
            "load_demo", secret={DEMO_PASSWORDS[name]: value for name, value in passwords.items()}
        )
        if DEMO_CREATED not in output:
            return later_sign_ins([DEMO_PASSWORDS[name] for name, value in given.items() if value])
        return first_sign_ins(passwords, given)

    def _manage(self, *arguments: str, secret: Mapping[str, str] | None = None) -> str:
        """Run a management command to its end; what it printed."""
        self.stop.check()
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**self.env, **(secret or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output = self._output_of(process)
        finally:
            end_process(process, ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)))
        if process.returncode:
            raise LauncherError(f"`manage.py {' '.join(arguments)}` failed:\n{last_lines(output)}")
        return output.decode(errors="replace")

    def _output_of(self, process: subprocess.Popen[bytes]) -> bytes:
        while True:
            try:
                return process.communicate(timeout=PAUSE)[0]
            except subprocess.TimeoutExpired:
                self.stop.check()

    def _wait_until_open(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while (status := health(self.options.reached_at, self.options.port)) != http.HTTPStatus.OK:
            self._check()
            if time.monotonic() > deadline:
                raise LauncherError(
                    f"{self.options.site}/healthz/ was not well within {ANSWER_SECONDS:.0f} seconds "
                    f"({f'its answer: {status}' if status else 'no answer'}). "
                    "See the messages of the web server above."
                )
            time.sleep(PAUSE)

    def _watch(self) -> NoReturn:
        while True:
            self._check()
            time.sleep(PAUSE)

    def _check(self) -> None:
        self.stop.check()
        for child in list(self.children):
            if (code := child.ended()) is not None:
                if child.program and child.program.restart:
                    self._restart(child, child.program, code)
                    continue
                raise LauncherError(
                    f"{child.name} has ended (exit code {code}), so the rest is stopped too. "
                    f"See its messages above{self._log_hint(child)}."
                )

    def _restart(self, child: Child, program: Program, code: int) -> None:
        """Again, but not again and again at once: the tills go on meanwhile."""
        now = time.monotonic()
        recent = [then for then in self.restarts if now - then < RESTART_WINDOW]
        if len(recent) >= MAX_RESTARTS and now - recent[-1] < RESTART_PAUSE:
            return
        say(f"{child.name} has ended (exit code {code}); starting it again.")
        self.restarts = [*recent, now]
        self.children.remove(child)
        self._start(program)

    def _log_hint(self, child: Child) -> str:
        return f" or in {self.postgres.log}" if self.postgres and child.name == "PostgreSQL" else ""

    def _close(self) -> None:
        for child in reversed(self.children):
            child.stop()
        if self.postgres:
            self.postgres.stop()
        self.state.remove()


def first_sign_ins(passwords: Mapping[str, str], given: Mapping[str, str]) -> str:
    lines = [
        f"{name:8} {f'(the one in {DEMO_PASSWORDS[name]})' if given[name] else password}"
        for name, password in passwords.items()
    ]
    return "\n           ".join([*lines, "(shown only now)"])


def later_sign_ins(ignored: list[str]) -> str:
    if not ignored:
        return FORGOTTEN
    return f"{FORGOTTEN}\n           ({' and '.join(ignored)}: only used at the first start, ignored now)"


def summary(options: Options, phones: str | None) -> str:
    payments = f"{phones} (simulated phones and cards)" if phones else "the gateways in the settings"
    database = "your own (DATABASE_URL or DB_NAME)" if options.own_database else "embedded"
    return "\n".join(
        (
            f"API        {options.site}/api/",
            f"Swagger    {options.site}/swagger/",
            f"ReDoc      {options.site}/redoc/",
            f"Admin      {options.site}/admin/",
            f"Payments   {payments}",
            f"Database   {database}",
            f"Data       {options.data_dir}",
            "\nThe shop is open. Ctrl-C stops everything.",
        )
    )


def say(text: str) -> None:
    # The terminal may be gone; the shop must still be stopped in order.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _children_env(options: Options) -> dict[str, str]:
    hidden = set(DEMO_PASSWORDS.values())
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env["POS_ENV"] = str(config("POS_ENV", default="development"))
    env["POS_DATA_DIR"] = str(options.data_dir)
    env["PUBLIC_BASE_URL"] = str(
        config("PUBLIC_BASE_URL", default=f"http://{options.reached_at}:{options.port}")
    )
    if not config("ALLOWED_HOSTS", default=""):
        env["ALLOWED_HOSTS"] = ",".join(own_names(options.host))
    return env


def main() -> int:
    stop = StopRequest()
    stop.listen()
    try:
        return Shop(read_options(PROJECT), stop).run()
    except LauncherError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except PermissionError as error:
        print(f"{error.filename} belongs to somebody else: run this as its owner.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
