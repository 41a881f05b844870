"""What is done to a measured shop beside its tills: commands, people, and what an owner asks for."""

import http.client
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from benchmarks.scenarios import Person
from pos_backend.local.account import LauncherError
from pos_backend.local.postgres import PROJECT


def manage(env: Mapping[str, str], *arguments: str) -> None:
    """Runs a command of `manage.py`. Raises `LauncherError` when it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=PROJECT, env=dict(env), stdout=sys.stderr
    )
    if done.returncode:
        raise LauncherError(f"manage.py {arguments[0]} failed. See its messages above.")


def hire(env: Mapping[str, str], person: Person, role: str) -> None:
    text = (
        "from apps.users.models import User;"
        f"User.objects.create_user({person.username!r}, {person.password!r}, role={role!r})"
    )
    manage(env, "shell", "--no-imports", "--verbosity", "0", "--command", text)


def call(port: int, token: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """The answer to one request. Raises `LauncherError` when it is no success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    with closing(connection):
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    if not 200 <= answer.status < 300:
        raise LauncherError(f"{path}: {answer.status} {content[:300]!r}")
    return dict(json.loads(content))
