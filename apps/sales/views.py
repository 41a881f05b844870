"""The till's view of sales."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core import clock, ports
from apps.core.docs import CURSOR, documented, page_of
from apps.core.idempotency import idempotent
from apps.core.pagination import NewestFirst
from apps.sales import receipts, selectors, services
from apps.sales.errors import SaleNotFound
from apps.sales.filters import SaleFilter
from apps.sales.models import Sale
from apps.sales.serializers import CustomerForm, OrderForm, SaleSerializer, sale_data
from apps.users.authentication import person

OUTPUTS = ("html", "pdf", "escpos", "text")
WIDTHS = ("80", "58")
FILTERS = {
    "status": "`pending`, `completed` or `cancelled`.",
    "payment_status": "`unpaid`, `partial`, `paid` or `refunded`.",
    "cashier": ("Id of a person.", "integer"),
    "start_date": "First day of the shop (2026-11-22) or an ISO 8601 timestamp.",
    "end_date": "Last day, included, or an ISO 8601 timestamp.",
    "search": "Beginning of the sale number, customer name or phone; or a receipt number.",
    **CURSOR,
}


class SaleViewSet(GenericViewSet[Sale]):
    """Cashiers see their own sales, administrators all."""

    queryset = Sale.objects.all()
    pagination_class = NewestFirst
    filterset_class = SaleFilter
    lookup_value_regex = "[0-9]{1,18}"

    def _visible(self) -> QuerySet[Sale]:
        return selectors.sales_seen_by(person(self.request))

    @documented(
        "List sales, newest first",
        answers={200: page_of("Sale", SaleSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    def list(self, request: Request) -> Response:
        return self._page(self._visible())

    @documented(
        "Today's sales, newest first",
        description="Today is the shop's calendar day.",
        answers={200: page_of("Sale", SaleSerializer)},
        statuses=(400, 404),
        query=FILTERS,
    )
    @action(detail=False)
    def today(self, request: Request) -> Response:
        return self._page(selectors.made_today(self._visible(), clock.now()))

    @documented("One sale", answers={200: SaleSerializer}, errors={404: ["sale_not_found"]})
    def retrieve(self, request: Request, pk: str) -> Response:
        return self._sale(pk)

    @documented(
        "Sell",
        description="Stock is taken at once, all or nothing. `amount_paid` is cash handed over now; a sale that "
        "is fully paid completes by itself. Prices, taxes and costs come from the products.",
        body=OrderForm,
        answers={201: SaleSerializer},
        errors={403: ["discount_not_allowed"], 404: ["product_not_found"], 409: ["insufficient_stock"]},
        keyed=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        form = OrderForm(data=request.data)
        form.is_valid(raise_exception=True)
        done = services.sell(
            form.order(), cashier=person(request), discount_limit=_discount_limit(request), now=clock.now()
        )
        items = [vars(item) for item in done.items]
        data = sale_data(done.sale, items, done.payments, with_cost=person(request).is_admin)
        return Response(data, status.HTTP_201_CREATED)

    @documented(
        "Change notes and customer",
        description="Only `notes`, `customer_name` and `customer_phone`; other fields that are sent back are ignored.",
        body=CustomerForm,
        answers={200: SaleSerializer},
        errors={404: ["sale_not_found"]},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        form = CustomerForm(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        with transaction.atomic():
            services.note(self._locked(pk), form.customer(), now=clock.now())
        return self._sale(pk)

    @documented(
        "Cancel a pending sale",
        description="Only without settled or running payments. The stock returns exactly once.",
        answers={200: SaleSerializer},
        errors={
            404: ["sale_not_found"],
            409: ["sale_already_cancelled", "sale_completed", "sale_has_payments", "payment_in_progress"],
        },
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        services.cancel_sale(self._locked(pk), user_id=person(request).pk, now=clock.now())
        return self._sale(pk)

    @documented(
        "Complete a paid sale",
        description="A sale that is paid in full completes by itself; this is for tills that ask all the same.",
        answers={200: SaleSerializer},
        errors={
            404: ["sale_not_found"],
            409: ["sale_not_paid", "sale_already_completed", "sale_cancelled"],
        },
        keyed=True,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def complete(self, request: Request, pk: str) -> Response:
        services.complete_sale(self._locked(pk), now=clock.now())
        return self._sale(pk)

    @documented(
        "A sale's receipt",
        description="For a browser (`html`), as a PDF, as text, or as bytes for a receipt printer (`escpos`, ESC/POS). "
        "Phones are masked. What is not paid yet, cancelled or refunded says so.",
        answers={200: "The receipt, in the form that was asked for."},
        statuses=(400,),
        errors={404: ["sale_not_found"]},
        query={
            "output": ("`html` (unless asked otherwise), `pdf`, `escpos` or `text`.", OUTPUTS),
            "width": ("Of the paper in millimetres, `58` or `80` (unless asked otherwise).", WIDTHS),
        },
        produces=(
            "application/json",
            "text/html",
            "application/pdf",
            "application/octet-stream",
            "text/plain",
        ),
    )
    @action(detail=True)
    def receipt(self, request: Request, pk: str) -> HttpResponse:
        output, width = _chosen(request, "output", OUTPUTS), int(_chosen(request, "width", WIDTHS))
        sale = self._seen(pk)
        lines, payments = selectors.lines_of_sales([sale.pk]), ports.payments_of_sales()([sale.pk])
        rows = receipts.receipt_rows(sale, lines[sale.pk], payments.get(sale.pk, []), receipts.the_shop())
        return receipts.answer(rows, output, width, name=f"receipt-{sale.sale_number}")

    def _locked(self, pk: str) -> Sale:
        user = person(self.request)
        return services.find_and_lock(int(pk), cashier_id=None if user.is_admin else user.pk)

    def _seen(self, pk: str) -> Sale:
        sale = self._visible().filter(pk=pk).first()
        if sale is None:
            raise SaleNotFound
        return sale

    def _sale(self, pk: str) -> Response:
        return Response(self._data([self._seen(pk)])[0])

    def _page(self, sales: QuerySet[Sale]) -> Response:
        return self.get_paginated_response(
            self._data(self.paginate_queryset(self.filter_queryset(sales)) or [])
        )

    def _data(self, sales: Sequence[Sale]) -> Sequence[dict[str, Any]]:
        ids = [sale.pk for sale in sales]
        lines, payments = selectors.lines_of_sales(ids), ports.payments_of_sales()(ids)
        with_cost = person(self.request).is_admin
        return [
            sale_data(sale, lines[sale.pk], payments.get(sale.pk, []), with_cost=with_cost) for sale in sales
        ]


def _chosen(request: Request, name: str, values: Sequence[str]) -> str:
    """The value of a query parameter, the first one unless another was asked for."""
    wanted = request.query_params.get(name) or values[0]
    if wanted not in values:
        *others, last = values
        raise ValidationError({name: [f"Use {', '.join(others)} or {last}."]})
    return wanted


def _discount_limit(request: Request) -> Decimal | None:
    return None if person(request).is_admin else settings.CASHIER_MAX_DISCOUNT_PERCENT
