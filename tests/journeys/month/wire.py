"""The shop's API, spoken by people at a time that the test decides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rest_framework.test import APIClient

from apps.users.models import AuthToken, User

SIGNED_IN = timedelta(days=100)

Answer = dict[str, Any]


@dataclass
class Clock:
    """Stands still until it is moved; put in the place of `django.utils.timezone.now`."""

    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Wire:
    """`tokens` are those of the people by their user names."""

    clock: Clock
    tokens: Mapping[str, str]
    client: APIClient = field(default_factory=APIClient)

    def post(
        self, who: str, path: str, body: Mapping[str, Any] | None = None, *, status: int = 201, key: str = ""
    ) -> Answer:
        headers = self._headers(who) | ({"Idempotency-Key": key} if key else {})
        answer = self.client.post(f"/api/{path}", body or {}, headers=headers)
        assert answer.status_code == status, (path, body, answer.content)
        return read(answer.content)

    def patch(self, who: str, path: str, body: Mapping[str, Any]) -> Answer:
        answer = self.client.patch(f"/api/{path}", body, headers=self._headers(who))
        assert answer.status_code == 200, (path, body, answer.content)
        return read(answer.content)

    def get(self, who: str, path: str, **query: str) -> Answer:
        return read(self.download(who, path, **query))

    def download(self, who: str, path: str, **query: str) -> bytes:
        answer = self.client.get(f"/api/{path}", query, headers=self._headers(who))
        content = b"".join(answer) if answer.streaming else answer.content
        assert answer.status_code == 200, (path, query, content)
        return content

    def pages(self, who: str, path: str) -> list[Answer]:
        """All rows of a list."""
        rows, address = [], f"/api/{path}?page_size=200"
        while address:
            page = read(self.client.get(address, headers=self._headers(who)).content)
            rows += page["results"]
            address = page["next"]
        return rows

    def _headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Token {self.tokens[who]}"}


def signed_in(user: User) -> str:
    """A token that outlasts the quarter; the clock must stand before its first day."""
    _, token = AuthToken.objects.create(user, expiry=SIGNED_IN, stamp=user.credential_stamp())
    return str(token)


def read(content: bytes) -> Answer:
    """JSON without floats: numbers are exactly those on the wire."""
    found: Answer = json.loads(content, parse_float=Decimal)
    return found
