"""What gunicorn serves."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pos_backend.settings")
_django = get_wsgi_application()

from pos_backend.safety import refuse_unsafe  # noqa: E402 - it looks at models, which are loaded now

refuse_unsafe()
# Loads all addresses now: it takes as long as all the rest, and a fresh worker's first customers would wait for it.
resolve("/healthz/")
_CHARSET = re.compile(r';\s*charset\*?\s*=\s*("[^"]*"?|[^;]*)', re.IGNORECASE)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, told that everything is UTF-8.

    Django decodes the query by the charset that the body's type names, outside of any error handling, and a name
    such as `rot13` is no encoding of text.
    """
    if kind := environ.get("CONTENT_TYPE"):
        environ["CONTENT_TYPE"] = _CHARSET.sub("", kind)
    return _django(environ, start_response)
