from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

# Set on the index as it is: to build it anew would lock the catalogue.
OFF = "ALTER INDEX product_words SET (fastupdate = off); SELECT gin_clean_pending_list('product_words')"
ON = "ALTER INDEX product_words RESET (fastupdate)"


class Migration(migrations.Migration):
    dependencies = [("products", "0003_storage")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(OFF, ON)],
            state_operations=[
                migrations.RemoveIndex("product", "product_words"),
                migrations.AddIndex(
                    "product", GinIndex(fields=["words"], name="product_words", fastupdate=False)
                ),
            ],
        )
    ]
