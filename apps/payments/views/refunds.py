"""Refunds: asked for at the till, approved by somebody else."""

from django.db.models import QuerySet
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock
from apps.core.docs import CURSOR, documented, page_of
from apps.core.idempotency import Later, idempotent, resumable
from apps.core.pagination import NewestFirst
from apps.payments import selectors, services
from apps.payments.errors import PaymentNotFound, RefundNotFound
from apps.payments.filters import RefundFilter
from apps.payments.models import Refund
from apps.payments.selectors import find_refund, refund_data
from apps.payments.serializers import RefundForm, RefundSerializer, SettleForm
from apps.payments.states import GATEWAY_METHODS
from apps.users.authentication import person
from apps.users.permissions import IsAdmin

FILTERS = {
    "payment": ("Id of a payment.", "integer"),
    "sale": ("Id of a sale.", "integer"),
    "status": "`pending`, `processing`, `completed`, `failed` or `rejected`.",
    "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
    "end_date": "Last day, included, or an ISO 8601 timestamp.",
    **CURSOR,
}
NOT_FOUND = {404: ["refund_not_found"]}


def _approved(refund_id: int) -> Response:
    """The second half of `approve`: calls the gateway, if nobody has."""
    return Response(refund_data(services.send_refund(refund_id)))


def _approved_before(reference: str) -> Response:
    return _approved(int(reference))


class RefundViewSet(GenericViewSet[Refund]):
    """Cashiers see and ask for refunds of their own sales, administrators see all and decide."""

    queryset = Refund.objects.all()
    pagination_class = NewestFirst
    filterset_class = RefundFilter
    lookup_value_regex = "[0-9]{1,18}"

    def _visible(self) -> QuerySet[Refund]:
        return selectors.refunds_seen_by(person(self.request))

    @documented(
        "List refunds, newest first",
        answers={200: page_of("Refund", RefundSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self._visible())) or []
        return self.get_paginated_response([refund_data(refund) for refund in page])

    @documented("One refund", answers={200: RefundSerializer}, errors=NOT_FOUND)
    def retrieve(self, request: Request, pk: str) -> Response:
        refund = self._visible().filter(pk=pk).first()
        if refund is None:
            raise RefundNotFound
        return Response(refund_data(refund))

    @documented(
        "Ask for a refund",
        description="Reserves the amount; nothing is paid out before an administrator approves. Refunds asked for and "
        "made never exceed the payment. `in_cash` hands the money out from the till instead of the way it came.",
        body=RefundForm,
        answers={201: RefundSerializer},
        errors={
            404: ["payment_not_found"],
            409: ["payment_not_refundable", "refund_exceeds_payment"],
            503: ["gateway_not_configured", "gateway_misconfigured", "busy"],
        },
        keyed=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        form = RefundForm(data=request.data)
        form.is_valid(raise_exception=True)
        wanted, user = form.wanted(), person(request)
        if not selectors.payments_seen_by(user).filter(pk=wanted.payment_id).exists():
            raise PaymentNotFound
        refund = services.request_refund(wanted, user=user, now=clock.now())
        return Response(refund_data(find_refund(refund.pk)), status.HTTP_201_CREATED)

    @documented(
        "Approve a refund",
        description="For an administrator who did not ask for it (`ALLOW_SELF_APPROVAL` lifts that for a shop of one "
        "person). Cash and transfers are completed by it; a gateway is asked once, however often this is sent, and "
        "the refund is `processing` until the gateway has paid.",
        answers={200: RefundSerializer},
        errors={
            **NOT_FOUND,
            403: ["own_refund", "permission_denied"],
            409: ["refund_not_pending", "refund_in_progress"],
            503: ["gateway_not_configured", "gateway_misconfigured", "busy"],
        },
        keyed=True,
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAdmin])
    @resumable(_approved_before)
    def approve(self, request: Request, pk: str) -> Response | Later:
        refund = services.approve_refund(int(pk), user=person(request), now=clock.now())
        if refund.method in GATEWAY_METHODS:
            return Later(str(refund.pk), lambda: _approved(refund.pk))
        return Response(refund_data(find_refund(refund.pk)))

    @documented(
        "Reject a refund",
        description="Frees the amount; it may be asked for again.",
        answers={200: RefundSerializer},
        errors={**NOT_FOUND, 409: ["refund_not_pending"]},
        statuses=(403,),
        keyed=True,
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAdmin])
    @idempotent
    def reject(self, request: Request, pk: str) -> Response:
        refund = services.reject_refund(int(pk), user=person(request), now=clock.now())
        return Response(refund_data(find_refund(refund.pk)))

    @documented(
        "Settle a refund by hand",
        description="For a refund that hangs because the gateway never said what became of it: an administrator has "
        "looked it up there. `completed` with the gateway's receipt, or `failed`, which frees the amount.",
        body=SettleForm,
        answers={200: RefundSerializer},
        errors={**NOT_FOUND, 409: ["refund_not_settleable"]},
        statuses=(403,),
        keyed=True,
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAdmin])
    @idempotent
    def settle(self, request: Request, pk: str) -> Response:
        form = SettleForm(data=request.data)
        form.is_valid(raise_exception=True)
        refund = services.settle_by_hand(
            int(pk),
            completed=form.validated_data["outcome"] == "completed",
            reference=form.validated_data["reference"],
            user=person(request),
            now=clock.now(),
        )
        return Response(refund_data(refund))
