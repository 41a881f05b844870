"""The simulator's pages: files of this folder, with headers that let them load nothing from elsewhere."""

import functools
from collections.abc import Mapping
from pathlib import Path

from payments.simulator.web import HTML, Reply, Request, Route
from payments.simulator.world import World

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FILES = {"page.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8"}


@functools.cache
def template(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def phones(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return Reply(200, template("page.html").encode(), HTML, SECURITY)


def file(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    name = parts["name"]
    if name not in FILES:
        return Reply(404, b"There is nothing here.", "text/plain")
    return Reply(200, template(name).encode(), FILES[name], SECURITY)


ROUTES = (Route("GET", "/", phones), Route("GET", "/_/files/<name>", file))
