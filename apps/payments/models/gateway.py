"""What all processes share when they talk to a gateway."""

from django.db import models


class GatewayToken(models.Model):
    """An access token, encrypted with a key made from SECRET_KEY. `minting_until` is held by the one who renews it."""

    name = models.CharField(max_length=100, unique=True)
    value = models.BinaryField(default=b"")
    expires_at = models.DateTimeField(null=True)
    minting_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class QueryBudget(models.Model):
    """When a gateway may next be asked something, by all processes together."""

    name = models.CharField(max_length=100, unique=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
