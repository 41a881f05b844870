"""The documents name every error code, and link to files that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.core.error_handler import _CODES, CONSTRAINT_SENTENCES
from apps.core.errors import DomainError

PROJECT = Path(__file__).parents[2]
PAGES = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]
# Where these functions take the code.
CODE_ARGUMENT = {"error_body": 1, "_refused": 1, "_error": 3}


def written_codes() -> Iterator[str]:
    """The codes that stand in the source: in classes, in calls, in answers."""
    for path in PROJECT.glob("*/**/*.py"):
        package = path.relative_to(PROJECT).parts
        if package[0] in ("apps", "pos_backend") and "tests" not in package:
            for node in ast.walk(ast.parse(path.read_text())):
                yield from codes_of(node)


def codes_of(node: ast.AST) -> Iterator[str]:
    found: list[ast.expr | None] = []
    if isinstance(node, ast.ClassDef):
        found = [part.value for part in node.body if isinstance(part, ast.Assign) and names_code(part)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        place = CODE_ARGUMENT.get(node.func.id)
        found = [] if place is None else [*node.args[place : place + 1]]
    elif isinstance(node, ast.Dict):
        found = [value for key, value in zip(node.keys, node.values, strict=True) if is_code(key)]
    yield from (
        value.value for value in found if isinstance(value, ast.Constant) and isinstance(value.value, str)
    )


def names_code(part: ast.Assign) -> bool:
    return [target.id for target in part.targets if isinstance(target, ast.Name)] == ["code"]


def is_code(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "code"


def domain_errors(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from domain_errors(below)


def explained() -> dict[str, set[int]]:
    """The codes of the table in API_TESTING.md, each with its statuses."""
    found: dict[str, set[int]] = {}
    for status, code in re.findall(
        r"^\| (\d{3}) \| `(\w+)` \|", (PROJECT / "API_TESTING.md").read_text(), re.M
    ):
        found.setdefault(code, set()).add(int(status))
    return found


def test_every_error_code_is_explained() -> None:
    answered = set(written_codes()) | set(_CODES.values())
    answered |= {code for _, code, _ in CONSTRAINT_SENTENCES.values()}

    assert set(explained()) == answered
    assert len(answered) > 30


def test_the_codes_have_the_statuses_that_are_explained() -> None:
    wrong = {
        kind.__name__: (kind.status, kind.code)
        for kind in domain_errors()
        if kind.status not in explained()[kind.code]
    }

    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_what_was_shown_is_told() -> None:
    """Every number that a test shows stands in the table, and each row names a file that shows it."""
    page = (PROJECT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| ([CFBSI][0-9, CFBSI]+) \|.*\| `([^`]+)` \|$", page, re.M)
    told = {number for numbers, _ in rows for number in numbers.split(", ")}
    shown = {
        number
        for room in ("tests", "apps", "payments")
        for path in (PROJECT / room).rglob("*.py")
        for number in re.findall(r"(?:show\(|Row\()\s*\"([CFBSI]\d+)\"", path.read_text())
    }

    assert shown <= told, shown - told
    assert [where for _, where in rows if "figures" not in (PROJECT / where).read_text()] == []
    planned = (
        {f"C{n}" for n in range(1, 21)} | {f"F{n}" for n in range(1, 16)} | {f"B{n}" for n in range(1, 9)}
    )
    planned |= {f"S{n}" for n in range(1, 24)}
    assert {number for number in planned if not re.search(rf"\b{number}\b", page)} == set()
