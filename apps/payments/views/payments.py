"""Payments at the till."""

from contextlib import suppress

from django.db.models import QuerySet
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock
from apps.core.docs import CURSOR, documented, page_of
from apps.core.errors import InvalidRequest
from apps.core.idempotency import Later, idempotent, resumable
from apps.core.pagination import NewestFirst
from apps.payments import selectors, services
from apps.payments.errors import GatewayMisconfigured, GatewayNotConfigured, PaymentNotFound
from apps.payments.filters import PaymentFilter
from apps.payments.models import Payment
from apps.payments.selectors import payment_data
from apps.payments.serializers import ConfirmForm, InitiateForm, PaymentSerializer
from apps.payments.states import GATEWAY_METHODS, OPEN
from apps.payments.waiting import waiters
from apps.sales.services import find_and_lock
from apps.users.authentication import person
from apps.users.permissions import IsAdmin
from payments.errors import GatewayError

FILTERS = {
    "sale": ("Id of a sale.", "integer"),
    "method": "`cash`, `mpesa`, `airtel`, `card` or `bank`.",
    "status": "`pending`, `processing`, `success`, `failed`, `cancelled` or `refunded`.",
    "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
    "end_date": "Last day, included, or an ISO 8601 timestamp.",
    **CURSOR,
}
NOT_FOUND = {404: ["payment_not_found"]}
MAX_WAIT = 30


def _begun(payment_id: int) -> Response:
    """The second half of `initiate`: calls the gateway, if nobody has."""
    return Response(payment_data(services.send_charge(payment_id)), status.HTTP_201_CREATED)


def _begun_before(reference: str) -> Response:
    return _begun(int(reference))


class PaymentViewSet(GenericViewSet[Payment]):
    """Cashiers see the payments of their own sales, administrators all."""

    queryset = Payment.objects.all()
    pagination_class = NewestFirst
    filterset_class = PaymentFilter
    lookup_value_regex = "[0-9]{1,18}"

    def _visible(self) -> QuerySet[Payment]:
        return selectors.payments_seen_by(person(self.request))

    @documented(
        "List payments, newest first",
        answers={200: page_of("Payment", PaymentSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    def list(self, request: Request) -> Response:
        return self._page(self._visible())

    @documented(
        "Payments whose outcome is still open",
        answers={200: page_of("Payment", PaymentSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    @action(detail=False)
    def pending(self, request: Request) -> Response:
        return self._page(self._visible().filter(status__in=OPEN))

    @documented(
        "One payment",
        description="With `?wait=25` the answer comes when the payment leaves its state, or after so many seconds "
        f"(at most {MAX_WAIT}). A payment whose outcome is known is answered at once; so is everyone when too many "
        "wait already, then with `Retry-After`.",
        answers={200: PaymentSerializer},
        errors=NOT_FOUND,
        statuses=(400,),
        query={"wait": ("Seconds to wait for the outcome.", "integer")},
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        payment = self._payment(pk)
        seconds = _seconds(request.query_params.get("wait", "0"))
        if not seconds or payment.status not in OPEN:
            return Response(payment_data(payment))
        unchanged = Payment.objects.filter(pk=payment.pk, status=payment.status)
        waited = waiters.wait(payment.pk, seconds, lambda: not unchanged.exists())
        response = Response(payment_data(self._payment(pk)))
        if not waited:
            response["Retry-After"] = "3"
        return response

    @documented(
        "Begin a payment",
        description="Cash succeeds at once; `amount_tendered` above `amount` gives `change`. M-Pesa and Airtel Money "
        "ask the customer on the phone: the payment is `processing` until the outcome is known. `card` answers with "
        "`payment_url`, the page where the customer pays. `bank` waits for an administrator's `confirm/`. Settled "
        "and running payments together never exceed the sale's total. A gateway that refuses makes the payment "
        "`failed` (201, with `error_code` and `error_message`); one that could not be reached answers 503 and leaves "
        "a failed payment; without a clear answer the payment is `pending`, and its outcome is found out.",
        body=InitiateForm,
        answers={201: PaymentSerializer},
        errors={
            404: ["sale_not_found"],
            409: ["payment_in_progress", "sale_completed", "sale_cancelled"],
            503: ["gateway_not_configured", "gateway_unreachable", "gateway_misconfigured", "busy"],
        },
        keyed=True,
    )
    @action(detail=False, methods=["post"])
    @resumable(_begun_before)
    def initiate(self, request: Request) -> Response | Later:
        form = InitiateForm(data=request.data)
        form.is_valid(raise_exception=True)
        user = person(request)
        sale = find_and_lock(form.validated_data["sale"], cashier_id=None if user.is_admin else user.pk)
        payment = services.start_payment(sale, form.wanted(), user=user, now=clock.now())
        if payment.method in GATEWAY_METHODS:
            return Later(str(payment.pk), lambda: _begun(payment.pk))
        return Response(payment_data(payment), status.HTTP_201_CREATED)

    @documented(
        "Ask for the outcome now",
        description="Asks the gateway and answers the payment as it then is. When the gateway cannot be asked at this "
        "moment, that is the payment as it was; it is asked again by itself. Cash and bank transfers have no gateway.",
        answers={200: PaymentSerializer},
        errors=NOT_FOUND,
        methods=["get", "post"],
    )
    @action(detail=True, methods=["get", "post"])
    def verify(self, request: Request, pk: str) -> Response:
        payment = self._payment(pk)
        with suppress(GatewayError, GatewayNotConfigured, GatewayMisconfigured):
            services.ask_payment(payment.pk)
        return Response(payment_data(self._payment(pk)))

    @documented(
        "Confirm a payment by hand",
        description="For administrators: settles a payment against the receipt of the bank or gateway. Recorded "
        "as confirmed by hand; a receipt is usable once.",
        body=ConfirmForm,
        answers={200: PaymentSerializer},
        errors={**NOT_FOUND, 409: ["payment_not_confirmable", "reference_already_used"]},
        statuses=(403,),
        keyed=True,
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAdmin])
    @idempotent
    def confirm(self, request: Request, pk: str) -> Response:
        form = ConfirmForm(data=request.data)
        form.is_valid(raise_exception=True)
        payment = services.confirm_payment(
            int(pk), form.validated_data["reference"], user=person(request), now=clock.now()
        )
        return Response(payment_data(payment))

    @documented(
        "Give up a payment",
        description="For a customer who pays otherwise after all: a bank transfer nobody confirmed, or a card page "
        "nobody paid. A prompt on a phone can be given up by an administrator three minutes after it was sent. Money "
        "that comes all the same is recorded, and a refund is raised for approval.",
        answers={200: PaymentSerializer},
        errors={**NOT_FOUND, 409: ["payment_not_open"]},
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        payment = self._payment(pk)
        given_up = services.give_up_payment(payment.pk, user=person(request), now=clock.now())
        return Response(payment_data(given_up))

    def _payment(self, pk: str) -> Payment:
        payment = self._visible().filter(pk=pk).first()
        if payment is None:
            raise PaymentNotFound
        return payment

    def _page(self, payments: QuerySet[Payment]) -> Response:
        page = self.paginate_queryset(self.filter_queryset(payments)) or []
        return self.get_paginated_response([payment_data(payment) for payment in page])


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise InvalidRequest("`wait` is a whole number of seconds, for example 25.")
    return min(int(text), MAX_WAIT)
