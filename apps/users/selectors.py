"""Reading people and their tokens."""

from datetime import datetime
from functools import cache
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from apps.core.prepared import Given, Prepared, Row
from apps.users.models import AuthToken, User

M = TypeVar("M", bound=Model)


@cache
def _columns(model: type[Model], prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + field.attname for field in model._meta.concrete_fields)


_BY_DIGEST = Prepared(
    lambda: AuthToken.objects.filter(digest=Given("digest"), expiry__gt=Given("now")).values(
        *_columns(AuthToken), *_columns(User, "user__")
    )
)


def token_by_digest(digest: str, now: datetime) -> AuthToken | None:
    """The token that has not expired, with its user, in one statement: asked with every request, never remembered."""
    row = _BY_DIGEST.row(digest=digest, now=now)
    if row is None:
        return None
    token = _made(AuthToken, row)
    token.user = _made(User, row, "user__")
    return token


def _made(model: type[M], row: Row, prefix: str = "") -> M:
    values = [row[name] for name in _columns(model, prefix)]
    return model.from_db(DEFAULT_DB_ALIAS, _columns(model), values)
