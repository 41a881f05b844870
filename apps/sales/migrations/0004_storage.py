from django.db import migrations

from apps.core.storage import HOT, LEDGER, stored


class Migration(migrations.Migration):
    dependencies = [("sales", "0003_final_states")]
    operations = [stored({"sales_receiptcounter": HOT, "sales_sale": LEDGER, "sales_saleitem": LEDGER})]
