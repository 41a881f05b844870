from django.db import migrations

from apps.core.storage import HOT, stored


class Migration(migrations.Migration):
    dependencies = [("products", "0002_low_at")]
    operations = [stored({"products_stocklevel": HOT})]
