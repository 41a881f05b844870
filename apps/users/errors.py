"""Why the people's room refuses."""

from apps.core.errors import DomainError


class InvalidCredentials(DomainError):
    status = 401
    code = "invalid_credentials"


class TooManyAttempts(DomainError):
    status = 429
    code = "too_many_attempts"


class LastAdmin(DomainError):
    code = "last_admin"
