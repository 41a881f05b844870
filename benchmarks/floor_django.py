"""The second floor: Django with one read by an indexed column, and nothing else.

No middleware, no sign-in, no REST framework, a model of four columns. What the shop's endpoints cost beyond this
is what the shop itself adds.
"""

import os
from decimal import Decimal
from typing import ClassVar

import dj_database_url
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {**dj_database_url.parse(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": 600}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)
django.setup()


class Item(models.Model):
    """A row of the catalogue, reduced to four of its columns."""

    name = models.CharField(max_length=200)
    barcode_key = models.CharField(max_length=64, unique=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))

    objects: ClassVar[models.Manager["Item"]] = models.Manager()

    class Meta:
        app_label = "benchmarks"
        db_table = "products_product"
        managed = False

    def __str__(self) -> str:
        return self.name


def item(request: HttpRequest, key: str) -> JsonResponse:
    found = Item.objects.get(barcode_key=key)
    answer = JsonResponse({"id": found.pk, "name": found.name, "price": str(found.price)})
    answer["Content-Length"] = str(len(answer.content))
    return answer


urlpatterns: list[URLPattern] = [path("<str:key>/", item)]
application = get_wsgi_application()
