"""Starting and ending the programs that make up a running shop."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Steps = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True)
class Program:
    """A command to keep running: how to start it and how patiently to end it."""

    name: str
    command: tuple[str, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 25.0
    output: Path | None = None  # where it writes instead of to the terminal
    restart: bool = False  # start it again when it ends by itself

    @property
    def stop_steps(self) -> Steps:
        return ((self.stop_signal, self.patience), (signal.SIGKILL, 10.0))


@dataclass(frozen=True)
class Child:
    """A program that was started."""

    name: str
    process: subprocess.Popen[bytes]
    stop_steps: Steps
    program: Program | None = None

    def ended(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        end_process(self.process, self.stop_steps)


def start_program(program: Program, cwd: Path, env: Mapping[str, str]) -> Child:
    with contextlib.ExitStack() as files:
        output = None
        if program.output:
            program.output.parent.mkdir(parents=True, exist_ok=True)
            output = files.enter_context(program.output.open("wb"))
        # A session of its own keeps a Ctrl-C in the terminal from ending it out of order.
        process = subprocess.Popen(
            program.command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Child(program.name, process, program.stop_steps, program)


def end_process(process: subprocess.Popen[bytes], steps: Steps) -> None:
    """Send each signal in turn and wait, until the process has ended."""
    for number, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
