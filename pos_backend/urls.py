"""All addresses."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from django.views.static import serve
from drf_yasg import openapi
from drf_yasg.views import get_schema_view
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny

from apps.core.errors import SENTENCES, error_body
from apps.payments.views import WEBHOOKS
from pos_backend.documents import file_for_readers, page_for_readers
from pos_backend.health import healthz, readyz
from pos_backend.router import router

API_INFO = openapi.Info(
    title="POS backend",
    default_version="v1",
    description=(
        "Scan, sell, take cash. Sign in with `POST /api/auth/login/`, press **Authorize** and enter "
        "`Token <token>`.\n\n"
        "Money and percentages are strings with two decimals, quantities are numbers with up to three. "
        "Timestamps are ISO 8601 with offset; days follow the shop's time zone.\n\n"
        "Input is read generously: a number is also taken as text, text also as a number, `true` and `false` also as "
        "`1`, `0` and text; an empty or unknown `page_size`, and an empty filter, is as good as none.\n\n"
        'Refused fields answer 400 with `{"field": ["message"]}`; every other refusal is '
        '`{"error": "<sentence>", "code": "<machine_readable>"}`. A write that carries an `Idempotency-Key` may be '
        "sent again safely."
    ),
    license=openapi.License("MIT"),
)
schema = get_schema_view(API_INFO, public=True, permission_classes=(AllowAny,), authentication_classes=())
# Pages for people and files for programs: here `Accept` decides, not the API's rule of always JSON.
schema.content_negotiation_class = DefaultContentNegotiation


@csrf_exempt
def api_not_found(request: HttpRequest, *args: object, **kwargs: object) -> JsonResponse:
    """No such address below /api/; the most common reason is the slash at the end."""
    hint = "" if request.path.endswith("/") else " Addresses end with a slash."
    return JsonResponse(error_body(SENTENCES["not_found"] + hint, "not_found"), status=404)


def _error(request: HttpRequest, status: int, sentence: str, code: str) -> HttpResponse:
    return JsonResponse(error_body(sentence, code), status=status)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400, "The request cannot be read.", "invalid_request")


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403, SENTENCES["permission_denied"], "permission_denied")


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404, SENTENCES["not_found"], "not_found")


def handler500(request: HttpRequest) -> HttpResponse:
    return _error(
        request, 500, "Something went wrong on our side. Nothing was half done; try again.", "internal"
    )


admin.site.site_header = admin.site.site_title = "POS backend"

urlpatterns = [
    path("api/", include(router.urls)),
    path(
        "favicon.ico",
        RedirectView.as_view(url=f"{settings.STATIC_URL}drf-yasg/swagger-ui-dist/favicon-32x32.png"),
    ),
    path("", RedirectView.as_view(url="/swagger/"), name="home"),
    path("api/", include("apps.users.urls")),
    path("api/", include(WEBHOOKS)),
    path("api/", include("apps.reports.urls")),
    re_path(r"^api/", api_not_found),
    path("admin/", admin.site.urls),
    path("swagger/", page_for_readers(schema.with_ui("swagger", cache_timeout=0)), name="swagger"),
    re_path(
        r"^swagger\.(?P<format>json|yaml)$",
        file_for_readers(schema.without_ui(cache_timeout=0)),
        name="schema",
    ),
    path("redoc/", page_for_readers(schema.with_ui("redoc", cache_timeout=0)), name="redoc"),
    path("healthz/", healthz, name="healthz"),
    path("readyz/", readyz, name="readyz"),
]
if settings.DEVELOPMENT:
    # In production the web server hands pictures out.
    urlpatterns.append(
        re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}, name="media")
    )
