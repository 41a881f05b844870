"""What no view should have to look at."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from apps.core.errors import error_body


class CleanUrlMiddleware:
    """Refuses addresses with a NUL character, which PostgreSQL cannot store or compare in text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return JsonResponse(
                error_body("The address contains a NUL character.", "invalid_request"), status=400
            )
        return self.get_response(request)
