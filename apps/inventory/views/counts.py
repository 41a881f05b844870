"""Counts of stock: everyone signed in counts, administrators start and end it."""

from typing import Any

from django.db import transaction
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock
from apps.core.docs import CURSOR, documented, page_of
from apps.core.idempotency import idempotent
from apps.core.pagination import NewestFirst
from apps.inventory import selectors, services
from apps.inventory.errors import CountNotFound
from apps.inventory.filters import CountFilter, CountLineFilter
from apps.inventory.models import StockCount
from apps.inventory.serializers import (
    BlindQuery,
    CountChangeForm,
    CountedForm,
    CountForm,
    CountLineSerializer,
    CountSerializer,
    count_data,
    line_data,
)
from apps.users.authentication import person
from apps.users.permissions import ReadOrAdmin

BLIND = {
    "blind": (
        "`true` hides `system_quantity` and `variance`; `false` shows them of a blind count, to an administrator.",
        "boolean",
    )
}
ENDED = ["count_completed", "count_cancelled"]
NOT_FOUND = {404: ["count_not_found"]}


class ByProduct(NewestFirst):
    """A product stands in a count once, so its line keeps its place while others are counted again."""

    ordering = "product_id"


class CountViewSet(GenericViewSet[StockCount]):
    permission_classes = (ReadOrAdmin,)
    pagination_class = NewestFirst
    filterset_class = CountFilter
    lookup_value_regex = "[0-9]{1,18}"
    queryset = StockCount.objects.all()
    asked_blind: bool | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """What `?blind=` says is read at the door: a bad value is refused before anything is done."""
        super().initial(request, *args, **kwargs)
        query = BlindQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        self.asked_blind = query.asked()

    @documented(
        "List counts, newest first",
        description="`items` are at most the 20 lines counted last of each; `item_count` says how many there are.",
        answers={200: page_of("StockCount", CountSerializer)},
        statuses=(400, 404),
        query={
            "status": "`in_progress`, `completed` or `cancelled`.",
            "started_by": ("Id of a person.", "integer"),
            "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
            "end_date": "Last day, included, or an ISO 8601 timestamp.",
            **BLIND,
            **CURSOR,
        },
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(selectors.counts())) or []
        previews = selectors.previews([count.pk for count in page])
        return self.get_paginated_response([self._preview(count, previews[count.pk]) for count in page])

    @documented(
        "One count with all its lines",
        answers={200: CountSerializer},
        errors=NOT_FOUND,
        statuses=(400,),
        query=BLIND,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        return self._whole(int(pk))

    @documented(
        "Start a count",
        description="`blind` hides what the system expects from everybody until it is completed.",
        body=CountForm,
        answers={201: CountSerializer},
        statuses=(403,),
        query=BLIND,
        keyed=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        form = CountForm(data=request.data)
        form.is_valid(raise_exception=True)
        fields = {**form.texts(), "blind": form.validated_data["blind"]}
        count = services.start_count(fields, user_id=person(request).pk, now=clock.now())
        return self._whole(count.pk, status.HTTP_201_CREATED)

    @documented(
        "Change the description or notes of a count in progress",
        description="Other fields that are sent back are ignored.",
        body=CountChangeForm,
        answers={200: CountSerializer},
        errors={**NOT_FOUND, 409: ENDED},
        statuses=(403,),
        query=BLIND,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        form = CountChangeForm(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        with transaction.atomic():
            services.describe_count(int(pk), form.texts())
        return self._whole(int(pk))

    @documented(
        "The lines of a count, page by page",
        description="In the order of the products' ids. `variance` is refused while what the system expects is hidden.",
        answers={200: page_of("StockCountItem", CountLineSerializer)},
        errors=NOT_FOUND,
        statuses=(400,),
        query={
            "product": ("Id of a product.", "integer"),
            "variance": ("Only lines that differ, or only those that do not.", "boolean"),
            **BLIND,
            **CURSOR,
        },
    )
    @action(detail=True, filterset_class=CountLineFilter, pagination_class=ByProduct)
    def items(self, request: Request, pk: str) -> Response:
        hidden = self._hides(self._count(int(pk)))
        if hidden and request.query_params.get("variance"):
            raise ValidationError({"variance": ["What the system expects is hidden while a count is blind."]})
        page = self.paginate_queryset(self.filter_queryset(selectors.count_lines(int(pk)))) or []
        return self.get_paginated_response(
            [line_data(row, hidden=hidden) for row in selectors.with_names(page)]
        )

    @documented(
        "Count a product",
        description="Any number of people may count at once. `system_quantity` is the stock at this moment. A product "
        "that was counted before is counted again (200): its line is replaced. Inactive products can be counted, too.",
        body=CountedForm,
        answers={201: CountLineSerializer, 200: CountLineSerializer},
        errors={404: ["count_not_found", "product_not_found"], 409: ENDED},
        query=BLIND,
        keyed=True,
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    @idempotent
    def add_item(self, request: Request, pk: str) -> Response:
        form = CountedForm(data=request.data)
        form.is_valid(raise_exception=True)
        line, is_new = services.count_product(
            int(pk), form.counted(), user_id=person(request).pk, now=clock.now()
        )
        (row,) = selectors.with_names(selectors.count_lines(int(pk)).filter(pk=line))
        data = line_data(row, hidden=self._hides(self._count(int(pk))))
        return Response(data, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @documented(
        "Complete a count",
        description="Adds each line's variance to the stock as it is by now: what was sold since stays sold. Where "
        "more is missing than is there by now, nothing is done; count those products again.",
        answers={200: CountSerializer},
        errors={**NOT_FOUND, 409: [*ENDED, "insufficient_stock"]},
        statuses=(403,),
        query=BLIND,
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def complete(self, request: Request, pk: str) -> Response:
        services.complete_count(int(pk), user_id=person(request).pk, now=clock.now())
        return self._whole(int(pk))

    @documented(
        "Cancel a count",
        description="No stock moves. What was counted can still be read.",
        answers={200: CountSerializer},
        errors={**NOT_FOUND, 409: ENDED},
        statuses=(403,),
        query=BLIND,
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        services.cancel_count(int(pk), user_id=person(request).pk, now=clock.now())
        return self._whole(int(pk))

    def _count(self, pk: int) -> StockCount:
        count = selectors.counts().filter(pk=pk).first()
        if count is None:
            raise CountNotFound
        return count

    def _whole(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        count = self._count(pk)
        rows = selectors.with_names(selectors.count_lines(pk))
        return Response(count_data(count, rows, hidden=self._hides(count)), code)

    def _preview(self, count: StockCount, preview: selectors.Preview) -> dict[str, Any]:
        return count_data(count, preview.rows, hidden=self._hides(count), item_count=preview.total)

    def _hides(self, count: StockCount) -> bool:
        """Anybody may ask for less, only an administrator for more."""
        if self.asked_blind is not None and (self.asked_blind or person(self.request).is_admin):
            return self.asked_blind
        return count.blind and count.status == StockCount.Status.IN_PROGRESS
