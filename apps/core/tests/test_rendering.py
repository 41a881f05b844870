"""JSON for the wire is what the standard library would write, whatever is in it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ErrorDetail

from apps.core.rendering import FastJSONRenderer, to_json


@pytest.mark.parametrize(
    "document",
    [
        {"name": "Sukari \u2028 nyeupe \U0001f36c", "quantity": 1.25, "stock": 3, "none": None, "yes": True},
        [{"receipt": 2**63 - 1}, {"receipt": 2**64}, {"receipt": -(2**70)}],
        {1: "a key that is a number", "nested": [[], {}, [[]]]},
        "text",
        [0.1, 1e300, -0.0],
    ],
)
def test_it_is_read_back_as_it_was(document: Any) -> None:
    assert json.loads(to_json(document)) == json.loads(json.dumps(document))
    assert b'": ' not in to_json(document)


def test_what_json_does_not_know_is_worded_as_ever() -> None:
    moment = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    found = {"detail": ErrorDetail("No.", "no"), "text": gettext_lazy("Yes"), "at": moment}
    for document in (found, {**found, "large": 2**70}):
        shown = json.loads(to_json(document))
        assert (shown["detail"], shown["text"]) == ("No.", "Yes")
        assert datetime.fromisoformat(shown["at"]) == moment


def test_nothing_is_no_body() -> None:
    assert FastJSONRenderer().render(None) == b""
