"""The addresses that the gateways write to. Public: who writes is found out from the message, not from a sign-in."""

import ipaddress
import logging
from collections.abc import Callable
from contextlib import suppress

from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse
from django.urls import URLPattern, re_path
from drf_yasg import openapi
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import clock
from apps.core.docs import documented
from apps.core.errors import DomainError
from apps.core.pages import page
from apps.core.parsers import read_limited
from apps.payments import services
from apps.payments.addresses import hash_of
from apps.payments.errors import GatewayMisconfigured, GatewayNotConfigured
from apps.payments.models import Payment
from apps.payments.states import Method
from apps.users.authentication import client_address
from payments.base import Route
from payments.errors import GatewayError

logger = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
TOKEN = "(?P<token>[^/]{1,128})"  # noqa: S105 - a pattern
RETURNED = {"success": "Payment received", "failed": "Not paid", "cancelled": "Not paid"}


class Answered(Response):
    """An answer that is sent first; what the message asks for is done when it is on its way."""

    def then(self, work: Callable[[], object]) -> "Answered":
        self._work = work
        return self

    def close(self) -> None:
        super().close()
        try:
            self._work()
        except (DatabaseError, InterfaceError, DomainError) as error:
            # It is kept, and the worker tries again.
            logger.warning("a message waits for the worker: %s", type(error).__name__)


class Webhook(APIView):
    """One of the addresses; which one is said where it is made."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    # Not the API's parsers: a signature is over the very bytes.
    parser_classes = ()
    method = Method.MPESA
    route = Route.CALLBACK

    @documented(
        "A gateway's message",
        description="For the gateways only. Every message is kept before anything else happens, answered at once in "
        "the gateway's own words, and then applied as far as it is proven. Repeats change nothing.",
        body=openapi.Schema(type=openapi.TYPE_OBJECT, description="Whatever the gateway sends."),
        answers={200: "The gateway's own acknowledgement, also for what names nothing of ours."},
        errors={
            400: ["malformed_json"],
            401: ["invalid_signature"],
            404: ["not_found"],  # an address that none of ours looks like
            413: ["too_large"],
            503: ["gateway_not_configured", "gateway_misconfigured", "busy"],
        },
        public=True,
    )
    def post(self, request: Request, token: str = "") -> Response:
        message = services.Message(
            method=str(self.method),
            route=self.route,
            token=token,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=read_limited(request._request, MAX_BYTES),
            source_address=_address(client_address(request)),
        )
        receipt = services.receive(message, clock.now())
        return Answered(dict(receipt.answer)).then(lambda: services.work_item(receipt.id))


class CardWebhook(Webhook):
    """Also where the customer's browser comes back to from the card page."""

    method = Method.CARD

    @documented(
        "The customer comes back from the card page",
        description="Coming back proves nothing: the gateway is asked, and a small page tells what it said.",
        answers={200: "A page for the customer."},
        errors={404: ["not_found"]},
        produces=("text/html", "application/json"),
        public=True,
    )
    def get(self, request: Request, token: str = "") -> HttpResponse:
        payment = Payment.objects.filter(token_hash=hash_of(token), method=Method.CARD).first()
        if payment is not None:
            with suppress(GatewayError, GatewayNotConfigured, GatewayMisconfigured):
                services.ask_payment(payment.pk)
            payment.refresh_from_db()
        title = RETURNED.get(payment.status, "Being checked") if payment else "Unknown payment"
        return page("payments/returned.html", {"title": title, "payment": payment})


def _address(text: str) -> str | None:
    """The address without the wrapping of IPv4 in IPv6; None where there is none (a Unix socket)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _webhook(path: str, view: type[Webhook], name: str, method: Method, route: Route) -> URLPattern:
    kept = view.as_view(method=method, route=route)
    return re_path(rf"^payments/webhooks/{path}/$", kept, name=name)


def _callbacks() -> list[URLPattern]:
    patterns = []
    for method in (Method.MPESA, Method.AIRTEL, Method.CARD):
        view = CardWebhook if method is Method.CARD else Webhook
        for path, tail in (("", ""), (f"/{TOKEN}", "-token")):
            name = f"webhook-{method.value}{tail}"
            patterns.append(_webhook(f"{method.value}/callback{path}", view, name, method, Route.CALLBACK))
    return patterns


# Daraja knows the outcome of a refund and a question left lying apart only by the address.
WEBHOOKS = [
    *_callbacks(),
    _webhook(f"daraja/{TOKEN}", Webhook, "webhook-daraja", Method.MPESA, Route.CALLBACK),
    *[
        _webhook(
            f"daraja/{TOKEN}/{route.value}", Webhook, f"webhook-daraja-{route.value}", Method.MPESA, route
        )
        for route in (Route.RESULT, Route.TIMEOUT, Route.STATUS, Route.STATUS_TIMEOUT)
    ],
]
