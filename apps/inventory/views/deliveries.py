"""Deliveries: many purchases in one call, by administrators."""

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock
from apps.core.docs import documented
from apps.core.idempotency import idempotent
from apps.core.parsers import CsvParser, CsvUploadParser, StrictJSONParser
from apps.inventory import services
from apps.inventory.models import Movement
from apps.inventory.serializers import DeliveryForm, DeliverySerializer, delivery_data
from apps.users.authentication import person
from apps.users.permissions import IsAdmin


class DeliveryViewSet(GenericViewSet[Movement]):
    permission_classes = (IsAdmin,)
    # The only address that takes files of text; everywhere else they are 415.
    parser_classes = (StrictJSONParser, CsvParser, CsvUploadParser)
    queryset = Movement.objects.all()

    @documented(
        "Record a delivery",
        description="A `purchase` for each row, all of them or none. Send `rows` as JSON, or a CSV file (UTF-8, commas "
        "or semicolons, the first line names the columns): as the body with `Content-Type: text/csv` and "
        "`reference_number` and `notes` in the address, as the part `file` of multipart/form-data, or as text in "
        "`csv`. A refusal names every bad row: by the line of the file, by the index from 0 for `rows`.",
        body=DeliveryForm,
        answers={201: DeliverySerializer},
        statuses=(403,),
        keyed=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        form = DeliveryForm(data=request.data)
        form.is_valid(raise_exception=True)
        values, author = form.validated_data, person(request)
        reference = values["reference_number"]
        occasion = services.Occasion(
            Movement.Type.PURCHASE, author.pk, clock.now(), reference, notes=values["notes"]
        )
        movements = services.receive_delivery(values["delivery"], occasion)
        for movement in movements:
            movement.created_by = author
        return Response(delivery_data(movements, reference), status.HTTP_201_CREATED)
