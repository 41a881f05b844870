"""The views are so short that they stand with their addresses."""

from django.urls import include, path
from rest_framework import generics, routers, viewsets

from benchmarks.naive.models import Product, Sale
from benchmarks.naive.serializers import ProductSerializer, SaleSerializer


class ProductByBarcode(generics.RetrieveAPIView):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    lookup_field = "barcode"


class ProductViewSet(viewsets.ModelViewSet):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer


class SaleViewSet(viewsets.ModelViewSet):
    queryset = Sale.objects.all()
    serializer_class = SaleSerializer


router = routers.DefaultRouter()
router.register("products", ProductViewSet)
router.register("sales", SaleViewSet)
urlpatterns = [
    path("api/products/barcode/<str:barcode>/", ProductByBarcode.as_view()),
    path("api/", include(router.urls)),
]
