"""Reads the table of who may do what."""

from pathlib import Path

from tests.security.doors import ACTORS

TABLE = Path(__file__).with_name("matrix.txt")
Cells = dict[str, str]


def matrix() -> dict[str, Cells]:
    """`POST /api/sales/sales/` and what each actor is answered there."""
    found: dict[str, Cells] = {}
    for line in TABLE.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        method, template, *outcomes = line.split()
        name = f"{method} {template}"
        assert name not in found, f"{name} stands there twice"
        found[name] = dict(zip(ACTORS, outcomes, strict=True))
    return found
