
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='idempotencykey',
            name='resume',
            field=models.CharField(blank=True, db_default='', max_length=64),
        ),
    ]
