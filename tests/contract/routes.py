"""The API's routes and methods, read from the URL resolver: a new route is tried without being named."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

GROUP = re.compile(r"\(\?P<(\w+)>[^()]*\)")


@dataclass(frozen=True)
class Route:
    """`sale-cancel`, `/api/sales/sales/{pk}/cancel/`, `("POST",)`, and the view behind it."""

    name: str
    template: str
    methods: tuple[str, ...]
    view: Any

    def path(self, value: object) -> str:
        """The address, with `value` in the place of an id or code."""
        return re.sub(r"{\w+}", str(value).replace("\\", r"\\"), self.template)

    @property
    def has_value(self) -> bool:
        return "{" in self.template

    @property
    def is_webhook(self) -> bool:
        """Takes anything from anybody, and has tests of its own."""
        return self.name.startswith("webhook-")

    def __str__(self) -> str:
        return self.name


def all_routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "/"))


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[Route]:
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text)
        elif text.startswith("/api/") and (view := getattr(pattern.callback, "cls", None)):
            template = re.sub(r"[\^$]|\\Z", "", GROUP.sub(r"{\1}", text))
            yield Route(str(pattern.name), template, _methods(pattern.callback, view), view)


def _methods(callback: Any, view: Any) -> tuple[str, ...]:
    names = getattr(callback, "actions", None) or [
        name for name in view.http_method_names if hasattr(view, name)
    ]
    return tuple(sorted(name.upper() for name in names if name not in ("head", "options")))
