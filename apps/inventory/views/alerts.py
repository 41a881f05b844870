"""Alerts of low stock: all read, administrators resolve and ignore."""

from collections.abc import Sequence
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock
from apps.core.docs import CURSOR, documented, page_of
from apps.core.idempotency import idempotent
from apps.core.pagination import NewestFirst
from apps.inventory import selectors, services
from apps.inventory.errors import AlertNotFound
from apps.inventory.filters import AlertFilter
from apps.inventory.models import StockAlert
from apps.inventory.serializers import AlertSerializer, alert_data
from apps.products.selectors import product_rows
from apps.products.serializers import product_data
from apps.users.authentication import person
from apps.users.permissions import ReadOrAdmin

FILTERS = {
    "status": "`active`, `resolved` or `ignored`.",
    "product": ("Id of a product.", "integer"),
    **CURSOR,
}
NOT_FOUND = {404: ["alert_not_found"]}


class AlertViewSet(GenericViewSet[StockAlert]):
    permission_classes = (ReadOrAdmin,)
    pagination_class = NewestFirst
    filterset_class = AlertFilter
    lookup_value_regex = "[0-9]{1,18}"
    queryset = StockAlert.objects.all()

    @documented(
        "List alerts of low stock, newest first",
        answers={200: page_of("StockAlert", AlertSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    def list(self, request: Request) -> Response:
        return self._page(selectors.alerts())

    @documented(
        "Alerts of what runs low now, newest first",
        answers={200: page_of("StockAlert", AlertSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    @action(detail=False)
    def active(self, request: Request) -> Response:
        return self._page(selectors.active_alerts())

    @documented("One alert", answers={200: AlertSerializer}, errors=NOT_FOUND)
    def retrieve(self, request: Request, pk: str) -> Response:
        return self._answer(pk)

    @documented(
        "Resolve an alert by hand",
        description="It is dealt with. The next change that leaves the stock low opens another.",
        answers={200: AlertSerializer},
        errors={**NOT_FOUND, 409: ["alert_not_active"]},
        statuses=(403,),
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def resolve(self, request: Request, pk: str) -> Response:
        services.resolve_alert(int(pk), user_id=person(request).pk, now=clock.now())
        return self._answer(pk)

    @documented(
        "Ignore an alert",
        description="There is no other of this product until its stock has risen above the threshold.",
        answers={200: AlertSerializer},
        errors={**NOT_FOUND, 409: ["alert_not_active"]},
        statuses=(403,),
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def ignore(self, request: Request, pk: str) -> Response:
        services.ignore_alert(int(pk), user_id=person(request).pk, now=clock.now())
        return self._answer(pk)

    def _answer(self, pk: str) -> Response:
        alert = selectors.alerts().filter(pk=pk).first()
        if alert is None:
            raise AlertNotFound
        return Response(self._data([alert])[0])

    def _page(self, alerts: QuerySet[StockAlert]) -> Response:
        page = self.paginate_queryset(self.filter_queryset(alerts)) or []
        return self.get_paginated_response(self._data(page))

    def _data(self, alerts: Sequence[StockAlert]) -> Sequence[dict[str, Any]]:
        """With their products, in one statement more."""
        rows = product_rows().filter(pk__in={alert.product_id for alert in alerts})
        details = {row["id"]: self._details(row) for row in rows}
        return [alert_data(alert, details[alert.product_id]) for alert in alerts]

    def _details(self, row: dict[str, Any]) -> dict[str, Any]:
        return product_data(row, with_cost=person(self.request).is_admin, address_of=self._address)

    def _address(self, name: str) -> str:
        return self.request.build_absolute_uri(default_storage.url(name))
