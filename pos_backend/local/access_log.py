"""The access log without what may not be read later: unguessable parts of addresses, what people looked for."""

import re
from typing import Any

from gunicorn.glogging import Logger

WEBHOOK = re.compile(r"(/webhooks/(?:daraja|\w+/callback)/)[^/\s?]+")
# Phone numbers and names of customers; and whatever else is typed where a barcode belongs, a swiped card, too.
SEARCH = re.compile(r"((?:^|[?&])(?:search|q)=)[^&\s]+")
SCANNED = re.compile(r"(/products/barcode/)[^\s?]+")


def masked(text: str) -> str:
    for secret in (WEBHOOK, SEARCH, SCANNED):
        text = secret.sub(r"\1***", text)
    return text


class MaskingLogger(Logger):
    """gunicorn's own, with the addresses masked."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        return {**found, **{name: masked(found[name]) for name in ("r", "U", "q", "f") if found.get(name)}}
