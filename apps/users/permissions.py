"""What a role may do."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from apps.users.authentication import person


class IsAdmin(IsAuthenticated):
    """Administrators only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(super().has_permission(request, view) and person(request).is_admin)


class ReadOrAdmin(IsAuthenticated):
    """Everyone signed in reads, administrators write."""

    def has_permission(self, request: Request, view: Any) -> bool:
        signed_in = super().has_permission(request, view)
        return bool(signed_in and (request.method in SAFE_METHODS or person(request).is_admin))
