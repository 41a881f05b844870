"""Payments at the till."""

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.docs import CURSOR, documented, page_of
from apps.core.idempotency import idempotent
from apps.core.pagination import NewestFirst
from apps.payments import selectors, services
from apps.payments.errors import PaymentNotFound
from apps.payments.filters import PaymentFilter
from apps.payments.models import Payment
from apps.payments.selectors import payment_data
from apps.payments.serializers import ConfirmForm, InitiateForm, PaymentSerializer
from apps.payments.states import OPEN
from apps.sales.services import find_and_lock
from apps.users.authentication import person
from apps.users.permissions import IsAdmin

FILTERS = {
    "sale": ("Id of a sale.", "integer"),
    "method": "`cash`, `mpesa`, `airtel`, `card` or `bank`.",
    "status": "`pending`, `processing`, `success`, `failed`, `cancelled` or `refunded`.",
    "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
    "end_date": "Last day, included, or an ISO 8601 timestamp.",
    **CURSOR,
}
NOT_FOUND = {404: ["payment_not_found"]}


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

    @documented("One payment", answers={200: PaymentSerializer}, errors=NOT_FOUND)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(payment_data(self._payment(pk)))

    @documented(
        "Begin a payment",
        description="Cash succeeds at once; `amount_tendered` above `amount` gives `change`. `bank` waits for an "
        "administrator's `confirm/`. Settled and running payments together never exceed the sale's total. A "
        "method that is not set up in this shop answers 503 `gateway_not_configured`.",
        body=InitiateForm,
        answers={201: PaymentSerializer},
        errors={
            404: ["sale_not_found"],
            409: ["payment_in_progress", "sale_completed", "sale_cancelled"],
            503: ["gateway_not_configured", "busy"],
        },
        keyed=True,
    )
    @action(detail=False, methods=["post"])
    @idempotent
    def initiate(self, request: Request) -> Response:
        form = InitiateForm(data=request.data)
        form.is_valid(raise_exception=True)
        user = person(request)
        sale = find_and_lock(form.validated_data["sale"], cashier_id=None if user.is_admin else user.pk)
        payment = services.start_payment(sale, form.wanted(), user=user, now=timezone.now())
        return Response(payment_data(payment), status.HTTP_201_CREATED)

    @documented(
        "Ask for the outcome now",
        description="Answers the payment as it then is. Cash and bank transfers have no gateway to ask.",
        answers={200: PaymentSerializer},
        errors=NOT_FOUND,
        methods=["get", "post"],
    )
    @action(detail=True, methods=["get", "post"])
    def verify(self, request: Request, pk: str) -> Response:
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
            int(pk), form.validated_data["reference"], user=person(request), now=timezone.now()
        )
        return Response(payment_data(payment))

    @documented(
        "Give up a bank transfer",
        description="For a customer who pays otherwise after all, as long as nobody has confirmed the transfer.",
        answers={200: PaymentSerializer},
        errors={**NOT_FOUND, 409: ["payment_not_open"]},
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        return Response(payment_data(services.cancel_transfer(self._payment(pk).pk, now=timezone.now())))

    def _payment(self, pk: str) -> Payment:
        payment = self._visible().filter(pk=pk).first()
        if payment is None:
            raise PaymentNotFound
        return payment

    def _page(self, payments: QuerySet[Payment]) -> Response:
        page = self.paginate_queryset(self.filter_queryset(payments)) or []
        return self.get_paginated_response([payment_data(payment) for payment in page])
