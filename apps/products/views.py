"""The catalogue: everyone signed in reads, administrators write."""

from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from apps.core import clock, money
from apps.core.docs import PAGE, documented, page_of
from apps.core.pagination import matches_unknown
from apps.core.parsers import StrictJSONParser
from apps.products import selectors, services
from apps.products.errors import ProductNotFound
from apps.products.filters import ProductFilter
from apps.products.models import Category, Product
from apps.products.serializers import CategorySerializer, ProductForm, ProductSerializer, product_data
from apps.users.authentication import person
from apps.users.permissions import ReadOrAdmin

SEARCH_QUERY = {
    "search": "Words of the name by prefix in any order, or the beginning of a barcode or SKU.",
    "category": ("Id of a category.", "integer"),
    "is_active": ("Only active or only inactive products.", "boolean"),
    "low_stock": ("Only products at or below their threshold.", "boolean"),
    "ordering": "`name`, `price`, `stock` or `created_at`; `-` before it reverses.",
    **PAGE,
}


class CategoryViewSet(ModelViewSet[Category]):
    queryset = Category.objects.all()
    serializer_class = CategorySerializer
    permission_classes = (ReadOrAdmin,)
    lookup_value_regex = "[0-9]{1,18}"

    @documented(
        "List categories",
        answers={200: page_of("Category", CategorySerializer, counted=True)},
        statuses=(404,),
        query=PAGE,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @documented("One category", answers={200: CategorySerializer}, statuses=(404,))
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @documented(
        "Create a category", body=CategorySerializer, answers={201: CategorySerializer}, statuses=(403, 409)
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().create(request, *args, **kwargs)

    @documented(
        "Replace a category",
        body=CategorySerializer,
        answers={200: CategorySerializer},
        statuses=(403, 404, 409),
    )
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().update(request, *args, **kwargs)

    @documented(
        "Change some fields of a category",
        body=CategorySerializer,
        answers={200: CategorySerializer},
        statuses=(403, 404, 409),
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().partial_update(request, *args, **kwargs)

    @documented(
        "Delete an empty category",
        answers={204: "Deleted."},
        errors={409: ["category_in_use"]},
        statuses=(403, 404),
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, instance: Category) -> None:
        services.remove_category(instance)


class ProductViewSet(ListModelMixin, GenericViewSet[Product]):
    queryset = Product.objects.all()
    permission_classes = (ReadOrAdmin,)
    parser_classes = (StrictJSONParser, MultiPartParser)
    filterset_class = ProductFilter
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Any, Any]:
        return selectors.product_rows().order_by("name", "id")

    @documented(
        "List and search products",
        answers={200: page_of("Product", ProductSerializer, counted=True)},
        statuses=(400, 404),
        query=SEARCH_QUERY,
    )
    def list(self, request: Request) -> Response:
        return self._page(self.filter_queryset(self.get_queryset()))

    @documented(
        "Products at or below their threshold",
        answers={200: page_of("Product", ProductSerializer, counted=True)},
        statuses=(400, 404),
        query=SEARCH_QUERY,
    )
    @action(detail=False)
    def low_stock(self, request: Request) -> Response:
        low = selectors.low_stock(self.filter_queryset(self.get_queryset()).filter(is_active=True))
        return self._page(matches_unknown(low))

    @documented(
        "Find the product behind a scanned barcode",
        description="The hot path. UPC-A, EAN-8, EAN-13 and GTIN-14 forms of one number find the same active "
        "product; any other code matches exactly.",
        answers={200: ProductSerializer},
        errors={404: ["product_not_found"]},
    )
    @action(detail=False, url_path="barcode/(?P<code>[^/]+)", url_name="barcode")
    def barcode(self, request: Request, code: str) -> Response:
        row = selectors.active_product_by_code(code)
        if row is None:
            raise ProductNotFound(f"No active product has the barcode {code[:64]}.")
        return Response(self._data(row))

    @documented("One product", answers={200: ProductSerializer}, errors={404: ["product_not_found"]})
    def retrieve(self, request: Request, pk: str) -> Response:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise ProductNotFound("There is no such product.")
        return Response(self._data(row))

    @documented(
        "Create a product",
        description="`stock` is recorded as an opening movement. With a picture, send multipart/form-data.",
        body=ProductForm,
        answers={201: ProductSerializer},
        statuses=(403, 409),
    )
    def create(self, request: Request) -> Response:
        form = ProductForm(data=request.data)
        form.is_valid(raise_exception=True)
        fields = dict(form.validated_data)
        stock = fields.pop("stock", money.ZERO)
        with transaction.atomic():
            product = services.create_product(
                fields, stock=stock, user_id=person(request).pk, now=clock.now()
            )
        return Response(self._data(selectors.product_row(product.pk)), status.HTTP_201_CREATED)

    @documented(
        "Replace a product",
        description="`stock` must be absent or equal to the current stock. Read-only fields are ignored.",
        body=ProductForm,
        answers={200: ProductSerializer},
        errors={404: ["product_not_found"]},
        statuses=(403, 409),
    )
    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        product = self._product(pk)
        context = {"image_address": self._address(str(product.image.name)) if product.image else None}
        form = ProductForm(product, data=request.data, partial=partial, context=context)
        form.is_valid(raise_exception=True)
        fields = {name: value for name, value in form.validated_data.items() if name != "stock"}
        with transaction.atomic():
            services.update_product(product, fields, now=clock.now())
        return Response(self._data(selectors.product_row(product.pk)))

    @documented(
        "Change some fields of a product",
        body=ProductForm,
        answers={200: ProductSerializer},
        errors={404: ["product_not_found"]},
        statuses=(403, 409),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        return self.update(request, pk, partial=True)

    @documented(
        "Delete a product, or deactivate one that has history",
        answers={204: "Deleted or deactivated."},
        errors={404: ["product_not_found"]},
        statuses=(403,),
    )
    def destroy(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            services.remove_product(self._product(pk), now=clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _product(self, pk: str) -> Product:
        product = Product.objects.select_related("stock_level").filter(pk=pk).first()
        if product is None:
            raise ProductNotFound("There is no such product.")
        return product

    def _page(self, rows: QuerySet[Any, Any]) -> Response:
        return self.get_paginated_response([self._data(row) for row in self.paginate_queryset(rows) or []])

    def _data(self, row: dict[str, Any]) -> dict[str, Any]:
        return product_data(row, with_cost=person(self.request).is_admin, address_of=self._address)

    def _address(self, name: str) -> str:
        return self.request.build_absolute_uri(default_storage.url(name))
