"""What the gateways told us, for administrators to read."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.docs import CURSOR, documented, page_of
from apps.core.errors import NotFound
from apps.core.pagination import NewestFirst
from apps.payments.filters import CallbackFilter
from apps.payments.models import GatewayCallback
from apps.payments.selectors import callback_data
from apps.payments.serializers import CallbackSerializer
from apps.users.permissions import IsAdmin

FILTERS = {
    "payment": ("Id of a payment.", "integer"),
    "callback_type": "`mpesa`, `airtel` or `card`.",
    "state": "`received`, `waiting`, `unmatched`, `applied`, `repeated`, `asked`, `ignored`, `rejected` or `parked`.",
    "processed": ("Whether nothing is left to do.", "boolean"),
    "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
    "end_date": "Last day, included, or an ISO 8601 timestamp.",
    **CURSOR,
}


class CallbackNotFound(NotFound):
    code = "callback_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such message.")


class CallbackViewSet(GenericViewSet[GatewayCallback]):
    """Messages of the gateways, newest first. Read-only: they are what they were when they came."""

    queryset = GatewayCallback.objects.all()
    pagination_class = NewestFirst
    filterset_class = CallbackFilter
    permission_classes = (IsAdmin,)
    lookup_value_regex = "[0-9]{1,18}"

    @documented(
        "List the gateways' messages, newest first",
        answers={200: page_of("GatewayCallback", CallbackSerializer)},
        statuses=(400, 403, 404),
        query=FILTERS,
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([callback_data(item) for item in page])

    @documented(
        "One message of a gateway",
        answers={200: CallbackSerializer},
        errors={404: ["callback_not_found"]},
        statuses=(403,),
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        item = self.get_queryset().filter(pk=pk).first()
        if item is None:
            raise CallbackNotFound
        return Response(callback_data(item))
