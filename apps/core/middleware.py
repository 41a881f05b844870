"""What no view should have to look at: addresses that cannot be, and what browsers may do with our answers."""

from collections.abc import Callable

from django.conf import settings
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


# What a browser may load and run on our pages. Nobody may frame them, nothing inline runs, no form leaves the shop.
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OFFICE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Swagger and ReDoc write styles, not scripts, into their pages, which show nothing that anybody typed.
DOCUMENTS = OFFICE.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'") + "; worker-src blob:"
POLICIES = {"/admin/": OFFICE, "/swagger/": DOCUMENTS, "/redoc/": DOCUMENTS}
UNUSED = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"


class BrowserPolicyMiddleware:
    """Tells browsers what our answers may do: documents nothing at all, pages what they need (ADR 0027).

    A page that brings a policy of its own, with the nonce of its style sheet, keeps it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if settings.DEBUG and response.status_code >= 400:
            return response  # Django's pages for developers are written inline
        response.headers.setdefault("Content-Security-Policy", _policy(request, response))
        response.headers.setdefault("Permissions-Policy", UNUSED)
        return response


def _policy(request: HttpRequest, response: HttpResponse) -> str:
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return NOTHING
    return next((policy for start, policy in POLICIES.items() if request.path.startswith(start)), NOTHING)
