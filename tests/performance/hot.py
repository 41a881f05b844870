"""A shop with a past, as large as it takes for PostgreSQL to plan as it would in any large shop."""

from base64 import b64encode

from django.db import connection
from django.db.models import AutoField, Model
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.models import IdempotencyKey, LateBooking
from apps.payments.addresses import hash_of, token_of
from apps.payments.models import GatewayCallback, Payment
from apps.products.models import Product, StockLevel
from apps.reports.services import roll_up
from apps.sales.models import Sale
from apps.users.models import AuthToken, User
from conftest import client_of
from pos_backend.history.make import Wish, make_history

SALES, DAYS, PRODUCTS = 4_000, 14, 2_000
# Copies are made faster than a history: so many of each sale, of each product, and of a sign-in, a key and a message.
SALES_AGAIN, PRODUCTS_AGAIN, OTHERS_AGAIN = 3, 5, 2_000
# Ids that the history leaves free for the copies, so that the newest sales are real ones.
FREE = 100_000
MOST_LINES = 200
MPESA = {
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "passkey",
}


class Shop:
    """A cashier and a manager who have sold for two weeks, and things of theirs to ask for."""

    def __init__(self) -> None:
        cashier = User.objects.get(username="till-1")
        self._cashier, self._manager = client_of(cashier), client_of(User.objects.get(username="manager"))
        self.products = list(
            Product.objects.filter(is_active=True, barcode__gt="").order_by("pk")[:MOST_LINES]
        )
        self.product = self.products[7]
        StockLevel.objects.filter(product__in=self.products).update(quantity=100)
        known = Sale.objects.filter(cashier=cashier, customer_phone__gt="", receipt__gt=0)
        self.sale = known.order_by("-pk")[20]
        self.payment = Payment.objects.filter(method="mpesa", status="success").order_by("-pk")[50]
        self.token = token_of(self.payment.transaction_reference)
        Payment.objects.filter(pk=self.payment.pk).update(
            token_hash=hash_of(self.token), gateway_id="ws_CO_1"
        )

    @property
    def day(self) -> str:
        return str(self.sale.business_date)

    def get(self, address: str, **query: object) -> HttpResponse:
        """What the cashier is shown."""
        return self._cashier.get(f"/api/{address}", query)

    def managed(self, address: str, **query: object) -> HttpResponse:
        """What the manager is shown."""
        return self._manager.get(f"/api/{address}", query)

    def sell(self, lines: int) -> HttpResponse:
        """A sale with a key, paid in cash."""
        items = [{"product": product.pk, "quantity": 1} for product in self.products[:lines]]
        body = {"items": items, "amount_paid": 10**7}
        return self._cashier.post("/api/sales/sales/", body, headers={"Idempotency-Key": f"{lines}-lines"})

    def hear_from_mpesa(self, merchant: str = "1") -> HttpResponse:
        """A message about a payment, answered and then worked on."""
        said = {
            "MerchantRequestID": merchant,
            "CheckoutRequestID": "ws_CO_1",
            "ResultCode": 1032,
            "ResultDesc": "No",
        }
        return APIClient().post(
            f"/api/payments/webhooks/daraja/{self.token}/", {"Body": {"stkCallback": said}}
        )


def beyond(pk: int) -> str:
    """The cursor of a page that begins below `pk`."""
    return b64encode(f"p={pk}".encode()).decode()


def open_shop() -> Shop:
    """Call inside a transaction."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('sales_sale', 'id'), %s)", [FREE])
    make_history(Wish(SALES, DAYS, seed=1, until=now, products=PRODUCTS), lambda _: None)
    roll_up(now)
    _multiply(Product, PRODUCTS_AGAIN, sku="sku || '-' || n", barcode="NULL", barcode_key="NULL")
    below = f"{2 * SALES} * n"
    _multiply(Sale, SALES_AGAIN, id=f"id - {below}", number=f"number + {below}", receipt=f"receipt + {below}")
    LateBooking.objects.all().delete()
    shop = Shop()
    # The copies of sales were paid, too; no receipt of a gateway is used twice.
    _multiply(
        Payment,
        SALES_AGAIN,
        sale_id=f"sale_id - {below}",
        transaction_reference="transaction_reference || '-' || n",
        **dict.fromkeys(("gateway_id", "token_hash"), "''"),
        external_reference="NULL",
    )
    # What a history does not make: sign-ins, keys and messages.
    for answer in (shop.sell(MOST_LINES - 1), shop.hear_from_mpesa("before")):
        assert answer.status_code in (200, 201), answer.content
    _multiply(
        AuthToken,
        OTHERS_AGAIN,
        digest="repeat(md5(user_id::text || n), 4)",
        token_key="left(md5(n::text), 15)",
    )
    _multiply(IdempotencyKey, OTHERS_AGAIN, key="n::text")
    _multiply(GatewayCallback, OTHERS_AGAIN, digest="repeat(md5(n::text), 2)")
    _tidy()
    return shop


def _multiply(model: type[Model], times: int, **changed: str) -> None:
    """So many copies of every row, `changed` by SQL that knows the number `n` of the copy."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    made = [field.column for field in fields if field.column in changed or not isinstance(field, AutoField)]
    columns, values = ", ".join(made), ", ".join(changed.get(column, column) for column in made)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns})"  # noqa: S608 - all of it is written in this file
            f" SELECT {values} FROM {table}, generate_series(1, {times}) AS n"
        )


def _tidy() -> None:
    """What VACUUM (ANALYZE) would do, as far as a transaction can do it."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
