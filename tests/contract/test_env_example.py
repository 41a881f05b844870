"""`.env.example` names every variable that the project reads, with its default."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
READERS = {"config", "_whole_number"}
# Read by name from a table, not by a call that names them.
DEMO_PASSWORDS = {"DEMO_ADMIN_PASSWORD", "DEMO_CASHIER_PASSWORD"}


def calls() -> Iterator[ast.Call]:
    """Every `config("NAME", ...)` of the settings, the launcher and the project's commands."""
    here = PROJECT / "pos_backend"
    for path in (here / "settings.py", *here.glob("local/*.py"), *here.glob("management/commands/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS:
                yield node


def variable(call: ast.Call) -> str | None:
    name = call.args[0] if call.args else None
    return name.value if isinstance(name, ast.Constant) else None


def default(call: ast.Call) -> str | None:
    """The default as one would write it, None where it depends on something."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "default"]
    value = (named or call.args[1:2] or [None])[0]
    return str(value.value) if isinstance(value, ast.Constant) else None


def example() -> dict[str, str]:
    lines = re.findall(r"^# ([A-Z][A-Z0-9_]+)=(.*)$", (PROJECT / ".env.example").read_text(), re.M)
    assert len(dict(lines)) == len(lines), "a variable is named twice"
    return dict(lines)


def test_every_variable_that_is_read_is_explained() -> None:
    read = {name for call in calls() if (name := variable(call))} | DEMO_PASSWORDS
    launcher = (PROJECT / "pos_backend" / "local" / "run.py").read_text()

    assert set(example()) == read
    assert all(name in launcher for name in DEMO_PASSWORDS)


def test_the_defaults_shown_are_the_real_ones() -> None:
    real = {
        name: value for call in calls() if (name := variable(call)) and (value := default(call)) is not None
    }
    shown = example()
    # What is empty by default may show how a value looks.
    wrong = {name: value for name, value in real.items() if value and shown[name] != value}

    assert wrong == {}
    assert {"TOKEN_HOURS", "PORT", "TIME_ZONE"} <= set(real)


def test_the_file_can_be_copied_as_it_is() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []
