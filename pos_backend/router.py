"""The one URL router of the API."""

from rest_framework.routers import SimpleRouter

from apps.inventory.views import AlertViewSet, CountViewSet, DeliveryViewSet, MovementViewSet
from apps.payments.views import CallbackViewSet, PaymentViewSet, RefundViewSet
from apps.products.views import CategoryViewSet, ProductViewSet
from apps.sales.views import SaleViewSet
from apps.users.views import UserViewSet

# Tried from above: what the tills ask all day comes first.
router = SimpleRouter()
router.register("products", ProductViewSet, basename="product")
router.register("sales/sales", SaleViewSet, basename="sale")
router.register("payments/payments", PaymentViewSet, basename="payment")
router.register("users", UserViewSet, basename="user")
router.register("products/categories", CategoryViewSet, basename="category")
router.register("inventory/movements", MovementViewSet, basename="movement")
router.register("inventory/movements/bulk", DeliveryViewSet, basename="delivery")
router.register("inventory/alerts", AlertViewSet, basename="alert")
router.register("inventory/counts", CountViewSet, basename="count")
router.register("payments/refunds", RefundViewSet, basename="refund")
router.register("payments/callbacks", CallbackViewSet, basename="callback")
