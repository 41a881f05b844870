"""What import tools cannot see: foreign keys written as text, ports bound in settings, the size of the pieces."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

PROJECT = Path(__file__).resolve().parents[2]
FLOORS = ("core", "users", "products", "inventory", "sales", "payments", "reports")
SOURCES = sorted(
    path
    for folder in ("apps", "payments", "pos_backend")
    for path in (PROJECT / folder).rglob("*.py")
    if not {"tests", "migrations"} & set(path.parts)
)


def test_relations_point_down_the_house() -> None:
    for room in FLOORS:
        for model in apps.get_app_config(room).get_models():
            for field in model._meta.get_fields():
                if field.is_relation and field.concrete and field.related_model._meta.app_label in FLOORS:
                    target = field.related_model._meta.app_label
                    assert FLOORS.index(target) <= FLOORS.index(room), f"{field} looks up"


def test_every_port_is_bound_once() -> None:
    ports = ["close_days", "open_stock", "payments_of_sales", "take_cash", "watch_stock"]
    assert sorted(settings.PORTS) == ports
    assert all(callable(import_string(path)) for path in settings.PORTS.values())


def test_no_signals_and_no_logic_in_save() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert "@receiver" not in text, path
        assert "def save(self" not in text, path


def test_money_never_becomes_a_float() -> None:
    """`float(` stands in one place: a quantity on its way to JSON."""
    # The simulator keeps seconds in them, and is no part of a shop.
    sources = [path for path in SOURCES if "simulator" not in path.parts]
    found = [path.name for path in sources if "float(" in path.read_text()]
    assert found == ["money.py"]
    for model in apps.get_models():
        if model._meta.app_label in FLOORS:
            assert not [f for f in model._meta.get_fields() if f.__class__.__name__ == "FloatField"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_pieces_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name
