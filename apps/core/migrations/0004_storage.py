from django.db import migrations

from apps.core.storage import REWRITTEN_ONCE, stored


class Migration(migrations.Migration):
    dependencies = [("core", "0003_late_bookings")]
    operations = [stored({"core_idempotencykey": REWRITTEN_ONCE})]
