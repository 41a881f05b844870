"""Bodies that nobody thought of: known fields with sound and wild values, in any mixture."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.routes import Route, all_routes
from tests.contract.world import Shop

pytestmark = pytest.mark.django_db

# Who sends, and what may come of it.
FUZZED = {
    "sale-list": ("cashier", {201, 400, 403, 409}),
    "payment-initiate": ("cashier", {201, 400, 404, 409, 503}),
    "movement-list": ("admin", {201, 400, 409}),
    "count-add-item": ("cashier", {200, 400, 404}),
    "delivery-list": ("admin", {201, 400}),
    "product-list": ("admin", {201, 400, 409}),
}
ROUTES = [route for route in all_routes() if route.name in FUZZED]

# What cannot be read as JSON is left to the corpus: here every body gets as far as its fields.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20) | st.sampled_from(
    ["", "0", "-1", "1e3", "NaN", "١٢", "__proto__", "x" * 2_000]
)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(places=3, min_value=-10_000, max_value=10_000).map(str)
)
WILD = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
PLAUSIBLE = st.one_of(
    st.integers(min_value=0, max_value=300),
    st.decimals(places=2, min_value=0, max_value=500).map(str),
    st.sampled_from(
        ["cash", "bank", "mpesa", "purchase", "damage", "adjustment", "0712345678", "6161100490002"]
    ),
)


def values(sound: Any) -> st.SearchStrategy[Any]:
    """Mostly `sound`, sometimes its like, sometimes anything."""
    if isinstance(sound, dict):
        return bodies(sound)
    if isinstance(sound, list):
        return st.lists(values(sound[0]), min_size=1, max_size=3) | st.just(sound) | WILD
    return st.sampled_from(range(10)).flatmap(
        lambda roll: WILD if roll == 0 else PLAUSIBLE if roll == 1 else st.just(sound)
    )


def bodies(sound: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`sound` with some of its values replaced, fields left out and unknown ones added."""
    fields = {name: values(value) for name, value in sound.items()}
    complete, partial = st.fixed_dictionaries(fields), st.fixed_dictionaries({}, optional=fields)
    unknown = st.dictionaries(TEXTS, WILD, max_size=1)
    return st.one_of(
        complete, complete, partial, st.builds(lambda one, two: {**one, **two}, unknown, complete)
    )


@pytest.mark.parametrize("route", ROUTES, ids=str)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_body(shop: Shop, route: Route, data: st.DataObject) -> None:
    role, statuses = FUZZED[route.name]
    body = json.dumps(data.draw(bodies(shop.body(route) or {})))
    assert not shop.send(role, "POST", shop.path(route), body, may=statuses)
