"""What the ground floor stores."""

from django.db import models


class IdempotencyKey(models.Model):
    """One answered request: the same user, path and key get these bytes again. Times are UTC moments.

    The row commits together with what the request caused; a crash leaves neither. Where a gateway is called in
    between, the row commits with the first half, without an answer, and `resume` names what was begun. `user_id` is
    no foreign key because this floor lies below the users.
    """

    user_id = models.BigIntegerField()
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(null=True)
    resume = models.CharField(max_length=64, blank=True, db_default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "path", "key"], name="one_answer_per_key")]
        verbose_name = "idempotency key"

    def __str__(self) -> str:
        return f"{self.key} of user {self.user_id}"


class LateBooking(models.Model):
    """Something was booked with a moment (UTC) that had passed a minute or more before: its day may be closed already.

    Triggers on the ledgers write it, so that nobody can forget to; whoever keeps sums of closed days rebuilds the
    day of `moment` and deletes the row.
    """

    moment = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.moment)
