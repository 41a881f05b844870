"""The ledger of stock: all read, administrators append."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock
from apps.core.docs import CURSOR, documented, page_of
from apps.core.idempotency import idempotent
from apps.core.pagination import NewestFirst
from apps.inventory import selectors, services
from apps.inventory.filters import MovementFilter
from apps.inventory.models import Movement
from apps.inventory.serializers import MovementForm, MovementSerializer, movement_data
from apps.products.models import Product
from apps.users.authentication import person
from apps.users.permissions import ReadOrAdmin


class MovementViewSet(GenericViewSet[Movement]):
    permission_classes = (ReadOrAdmin,)
    pagination_class = NewestFirst
    filterset_class = MovementFilter
    lookup_value_regex = "[0-9]{1,18}"
    queryset = Movement.objects.all()

    def get_queryset(self) -> QuerySet[Movement]:
        return selectors.movements()

    @documented(
        "List stock movements, newest first",
        answers={200: page_of("Movement", MovementSerializer)},
        statuses=(400, 404),
        query={
            "product": ("Id of a product.", "integer"),
            "movement_type": "`purchase`, `sale`, `adjustment`, `return`, `damage` or `transfer`.",
            "created_by": ("Id of a person.", "integer"),
            "reference_number": "A reference exactly as it was given: a delivery note, the number of a sale.",
            "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
            "end_date": "Last day, included, or an ISO 8601 timestamp.",
            **CURSOR,
        },
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([movement_data(movement) for movement in page])

    @documented("One stock movement", answers={200: MovementSerializer}, statuses=(404,))
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(movement_data(self.get_object()))

    @documented(
        "Record a stock movement",
        description="`purchase` and `return` add, `damage` and `transfer` take, whatever sign was sent; "
        "`adjustment` keeps its sign. A `purchase` with `unit_cost` moves the product's cost to the weighted "
        "average. Movements never change: correct one by another.",
        body=MovementForm,
        answers={201: MovementSerializer},
        errors={404: ["product_not_found"], 409: ["insufficient_stock"]},
        statuses=(403,),
        keyed=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        form = MovementForm(data=request.data)
        form.is_valid(raise_exception=True)
        movement = _record(form.validated_data, person(request).pk)
        return Response(movement_data(selectors.movements().get(pk=movement.pk)), status.HTTP_201_CREATED)


def _record(values: dict[str, Any], user_id: int) -> Movement:
    if not Product.objects.filter(pk=values["product"]).exists():
        raise ValidationError({"product": ["There is no such product."]})
    occasion = services.Occasion(
        movement_type=values["movement_type"],
        user_id=user_id,
        now=clock.now(),
        reference=values["reference_number"],
        notes=values["notes"],
    )
    return services.record_movement(values["product"], values["quantity"], occasion, values["unit_cost"])
