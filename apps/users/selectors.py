"""Reading people and their tokens."""

from datetime import datetime

from apps.core.prepared import Given, PreparedModels
from apps.users.models import AuthToken

_BY_DIGEST = PreparedModels(
    lambda: AuthToken.objects.select_related("user").filter(digest=Given("digest"), expiry__gt=Given("now"))
)


def token_by_digest(digest: str, now: datetime) -> AuthToken | None:
    """The token that has not expired, with its user, in one statement: asked with every request, never remembered."""
    return _BY_DIGEST.first(digest=digest, now=now)
