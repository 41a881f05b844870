"""The table."""

import math
import os
import platform
from collections.abc import Sequence

import django
import gunicorn

from benchmarks.load import Measurement

HEADS = (
    "",
    "requests",
    "req/s",
    "p50 ms",
    "p99 ms",
    "server CPU ms",
    "PostgreSQL CPU ms",
    "x Django floor",
)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by this share of all."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def machine(postgres: str, shape: str) -> str:
    """What the figures depend on."""
    return (
        f"{os.cpu_count()} CPUs, Python {platform.python_version()}, Django {django.__version__}, "
        f"PostgreSQL {postgres}, gunicorn {gunicorn.__version__}: {shape}"
    )


def table(measured: Sequence[Measurement], floor: str) -> str:
    """`floor` names the line in whose processor time the last column counts."""
    unit = next(cpu_ms(line) for line in measured if line.name == floor)
    rows = [HEADS, *(_row(line, unit) for line in measured)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join(["", *(aligned(row, widths) for row in rows), ""])


def aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """A row of a table: names to the left, figures to the right."""
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join(cells).rstrip()


def _row(line: Measurement, floor: float) -> tuple[str, ...]:
    database, server = database_ms(line), cpu_ms(line)
    return (
        line.name,
        str(line.requests),
        f"{line.requests / line.elapsed:.0f}",
        f"{percentile(line.latencies, 0.50) * 1000:.1f}",
        f"{percentile(line.latencies, 0.99) * 1000:.1f}",
        f"{server:.2f}" if server else "-",
        "-" if database is None else f"{database:.2f}",
        f"{server / floor:.1f}" if server else "-",
    )


def cpu_ms(line: Measurement) -> float:
    """gunicorn's for one request; 0 where it has no part."""
    return line.used.server / line.requests * 1000


def database_ms(line: Measurement) -> float | None:
    """PostgreSQL's for one request, where it can be seen."""
    return None if line.used.database is None else line.used.database / line.requests * 1000


def tills(measured: Sequence[Measurement]) -> str:
    """Whether the tills were light enough, and whether the server kept their connections."""
    measured = [line for line in measured if line.connections]
    requests = sum(line.requests for line in measured)
    cpu = sum(line.client_cpu for line in measured) / requests * 1000
    connections = sum(line.connections for line in measured)
    repeated = sum(line.repeated for line in measured)
    return (
        f"The tills used {cpu:.2f} ms of CPU per request, kept {connections} connections for {requests} requests, "
        f"and sent {repeated} again because a connection was closed."
    )
