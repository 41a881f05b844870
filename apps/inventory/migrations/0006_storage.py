from django.db import migrations

from apps.core.storage import LEDGER, stored


class Migration(migrations.Migration):
    dependencies = [("inventory", "0005_alert_protects_product")]
    operations = [stored({"inventory_movement": LEDGER})]
