"""How much a request makes Python do: the calls of functions, which are the same in every run on every machine."""

import gc
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

# From Python 3.12 on these are no calls any more.
INLINED = {"<listcomp>", "<dictcomp>", "<setcomp>"}


class Server:
    """What gunicorn serves, asked without gunicorn as the person with `token`."""

    def __init__(self, token: str) -> None:
        self._application = WSGIHandler()
        self._requests = RequestFactory(HTTP_AUTHORIZATION=f"Token {token}", HTTP_HOST="localhost")

    def get(self, path: str) -> bytes:
        return self._answered(self._requests.get(path).environ, "200 OK")

    def post(self, path: str, body: object, expected: str = "201 Created", **headers: str) -> bytes:
        request = self._requests.post(
            path, json.dumps(body), content_type="application/json", headers=headers
        )
        return self._answered(request.environ, expected)

    def _answered(self, environ: dict[str, Any], expected: str) -> bytes:
        seen: list[str] = []
        answer = self._application(environ, lambda status, headers: seen.append(status))
        body = b"".join(answer)
        answer.close()
        assert seen == [expected], body
        return body


def calls_of(work: Callable[[], object]) -> Counter[str]:
    """How often each function was called, those written in C too."""
    python: Counter[CodeType] = Counter()
    native: Counter[str] = Counter()

    def note(frame: Any, event: str, function: Any) -> None:
        if event == "call":
            python[frame.f_code] += 1
        elif event == "c_call":
            native[function.__qualname__] += 1

    gc.collect()
    gc.disable()  # what it clears away may call something
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    for code, times in python.items():
        if code.co_name not in INLINED:
            native[f"{Path(code.co_filename).stem}.{code.co_qualname}"] += times
    return native
