"""Every address and method that the URL resolver answers, the API's and all others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from tests.contract.routes import GROUP, Route, all_routes

CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
# Views that are no classes of the API answer every method; these two tell reading from writing.
PLAIN = ("GET", "POST")


@dataclass(frozen=True)
class Address:
    """`/api/sales/sales/{pk}/cancel/` and `POST`; `route` is the API's route, None for other pages."""

    template: str
    method: str
    route: Route | None = None
    model: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def every_address() -> list[Address]:
    api = {route.template: route for route in all_routes()}
    found = []
    for template, model in _walk(get_resolver().url_patterns, "/", None):
        route = api.get(template)
        methods = route.methods if route else PLAIN
        found += [Address(template, method, route, model) for method in methods]
    return found


def _walk(patterns: list[URLPattern | URLResolver], before: str, model: Any) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text, model)
        else:
            template = CONVERTER.sub(r"{\1}", GROUP.sub(r"{\1}", text))
            yield re.sub(r"[\^$]|\\Z|\\", "", template), getattr(pattern.callback, "model_admin", model)
