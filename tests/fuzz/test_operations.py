"""B1: every operation of the served document, for each role, with what it describes and with what it does not.

The answers are no bugs, have a described status, type and shape, refuse what the document forbids and whoever has not
signed in, and change nothing when they refuse.
"""

from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from rest_framework.permissions import AllowAny
from schemathesis.core.failures import FailureGroup

from apps.products.views import ProductViewSet
from apps.users.permissions import ReadOrAdmin
from tests.contract.routes import Route, all_routes
from tests.contract.world import Shop
from tests.figures import LONG, form, show
from tests.fuzz.conftest import door
from tests.fuzz.sending import SEED, SENT, Sender

pytestmark = [pytest.mark.django_db, pytest.mark.long_form]
ROLES = ["admin", "cashier", "nobody"]
ROUTES = all_routes()
OPERATIONS = [
    pytest.param(route, method, id=f"{method} {route}") for route in ROUTES for method in route.methods
]
BY_NAME = {route.name: route for route in ROUTES}
ENOUGH = form({"admin": 3_000, "cashier": 200, "nobody": 200}, dict.fromkeys(ROLES, 34_000))


def operation_of(api: Any, route: Route, method: str) -> Any:
    return api[route.template.removeprefix("/api").replace("{pk}", "{id}")][method]


@pytest.fixture
def sender(shop: Shop, tokens: dict[str, dict[str, str]], request: pytest.FixtureRequest) -> Sender:
    role = request.node.callspec.params.get("role", "admin") if hasattr(request.node, "callspec") else "admin"
    return Sender(shop, role, tokens[role])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("route", "method"), OPERATIONS)
def test_answers_are_as_described(api: Any, sender: Sender, route: Route, method: str, role: str) -> None:
    sender.try_everything(operation_of(api, route, method), route, cover=LONG or role == "admin")


@pytest.mark.parametrize("role", ROLES)
def test_enough_was_sent(request: pytest.FixtureRequest, role: str) -> None:
    if len(request.session.items) < len(OPERATIONS):
        pytest.skip("only some of the operations were tried")
    assert SENT[role] >= ENOUGH[role]
    show(
        "B1",
        f"schemathesis over the served document, {role}: every rule of it and at random",
        f"{SENT[role]:,} requests to {len(OPERATIONS)} operations, seed {SEED}",
        "0 server errors, 0 undescribed answers, 0 forbidden bodies taken, 0 doors open, 0 refusals with effect",
    )


def test_the_control_a_bug_is_noticed(api: Any, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("apps.sales.services.cancel_sale")
    with pytest.raises(FailureGroup, match="Server error"):
        sender.try_everything(operation_of(api, BY_NAME["sale-cancel"], "POST"), BY_NAME["sale-cancel"])


def test_the_control_an_open_door_is_noticed(
    api: Any, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ProductViewSet.permission_classes == (ReadOrAdmin,)
    monkeypatch.setattr(ProductViewSet, "permission_classes", (AllowAny,))
    with pytest.raises(FailureGroup, match="accepts requests without authentication"):
        sender.try_everything(operation_of(api, BY_NAME["product-list"], "GET"), BY_NAME["product-list"])


def test_the_control_a_document_that_says_less_is_noticed(api: Any, sender: Sender) -> None:
    document = deepcopy(api.raw_schema)
    del document["paths"]["/sales/sales/{id}/cancel/"]["post"]["responses"]["409"]
    del document["paths"]["/sales/sales/{id}/cancel/"]["post"]["responses"]["404"]
    with pytest.raises(FailureGroup, match="Undocumented status"):
        sender.try_everything(altered(document, BY_NAME["sale-cancel"], "POST"), BY_NAME["sale-cancel"])


def test_the_control_a_body_that_should_be_refused_is_noticed(api: Any, sender: Sender) -> None:
    document = deepcopy(api.raw_schema)
    patch = document["paths"]["/sales/sales/{id}/"]["patch"]
    (body,) = [parameter for parameter in patch["parameters"] if parameter["in"] == "body"]
    body["schema"]["properties"]["notes"] = {"type": "string", "maxLength": 2}
    with pytest.raises(FailureGroup, match="Schema-violating request accepted"):
        sender.try_everything(altered(document, BY_NAME["sale-detail"], "PATCH"), BY_NAME["sale-detail"])


def altered(document: dict[str, Any], route: Route, method: str) -> Any:
    schema = schemathesis.openapi.from_dict(document)
    schema.app = door
    return operation_of(schema, route, method)
