from django.db import migrations

from apps.core.storage import LEDGER, stored


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_final_states")]
    operations = [stored({"payments_payment": LEDGER, "payments_gatewaycallback": LEDGER})]
