import apps.payments.models.payment
import apps.payments.models.refund
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0002_initial'),
        ('sales', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # A shop with years of payments needs longer than a till may wait.
        migrations.RunSQL("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0", migrations.RunSQL.noop),
        migrations.CreateModel(
            name='GatewayCallback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('callback_type', models.CharField(choices=[('mpesa', 'M-Pesa'), ('airtel', 'Airtel Money'), ('card', 'Card')], max_length=10)),
                ('route', models.CharField(max_length=20)),
                ('token_hash', models.CharField(blank=True, default='', max_length=64)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('body', models.BinaryField()),
                ('authentic', models.BooleanField(null=True)),
                ('source_address', models.GenericIPAddressField(null=True)),
                ('state', models.CharField(choices=[('received', 'Received'), ('waiting', 'Waiting for our own answer'), ('unmatched', 'Matches nothing of ours'), ('applied', 'Applied'), ('repeated', 'Said nothing new'), ('asked', 'No proof; the gateway is asked'), ('ignored', 'None of our business'), ('rejected', 'Not trusted'), ('parked', 'Given up, for a person')], default='received', max_length=10)),
                ('transaction_id', models.CharField(blank=True, default='', max_length=128)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ('phone_number', models.CharField(blank=True, default='', max_length=40)),
                ('success', models.BooleanField(null=True)),
                ('error_message', models.CharField(blank=True, default='', max_length=500)),
                ('repeats', models.PositiveIntegerField(default=0)),
                ('received_at', models.DateTimeField()),
                ('processed_at', models.DateTimeField(null=True)),
                ('next_try_at', models.DateTimeField(null=True)),
                ('tries', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='GatewayToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('value', models.BinaryField(default=b'')),
                ('expires_at', models.DateTimeField(null=True)),
                ('minting_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='QueryBudget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('free_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('method', models.CharField(choices=[('cash', 'Cash'), ('mpesa', 'M-Pesa'), ('airtel', 'Airtel Money'), ('card', 'Card'), ('bank', 'Bank transfer')], max_length=10)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('from_sale', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14)),
                ('reason', models.CharField(blank=True, default='', max_length=300)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('processing', 'Processing'), ('completed', 'Completed'), ('failed', 'Failed'), ('rejected', 'Rejected')], default='pending', max_length=10)),
                ('refund_reference', models.CharField(default=apps.payments.models.refund.new_refund_reference, max_length=40, unique=True)),
                ('external_reference', models.CharField(max_length=64, null=True)),
                ('requested_at', models.DateTimeField()),
                ('approved_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('error_code', models.CharField(blank=True, default='', max_length=40)),
                ('error_message', models.CharField(blank=True, default='', max_length=500)),
                ('gateway_details', models.JSONField(blank=True, default=dict)),
                ('gateway_id', models.CharField(blank=True, default='', max_length=128)),
                ('token_hash', models.CharField(blank=True, default='', max_length=64)),
                ('sent_at', models.DateTimeField(null=True)),
                ('next_query_at', models.DateTimeField(null=True)),
                ('queries', models.PositiveIntegerField(default=0)),
                ('attention', models.CharField(blank=True, default='', max_length=300)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='payment_refunds_within_amount',
        ),
        migrations.AddField(
            model_name='payment',
            name='amount_applied',
            field=models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14),
        ),
        migrations.AddField(
            model_name='payment',
            name='amount_received',
            field=models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14),
        ),
        migrations.AddField(
            model_name='payment',
            name='amount_unapplied',
            field=models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14),
        ),
        migrations.AddField(
            model_name='payment',
            name='attention',
            field=models.CharField(blank=True, default='', max_length=300),
        ),
        migrations.AddField(
            model_name='payment',
            name='currency',
            field=models.CharField(default=apps.payments.models.payment.shop_currency, max_length=3),
        ),
        migrations.AddField(
            model_name='payment',
            name='environment',
            field=models.CharField(blank=True, default='', max_length=20),
        ),
        migrations.AddField(
            model_name='payment',
            name='gateway_id',
            field=models.CharField(blank=True, default='', max_length=128),
        ),
        migrations.AddField(
            model_name='payment',
            name='next_query_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='queries',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='payment',
            name='refund_reserved',
            field=models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=14),
        ),
        migrations.AddField(
            model_name='payment',
            name='sent_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='token_hash',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AlterField(
            model_name='payment',
            name='payment_url',
            field=models.CharField(blank=True, default='', max_length=2000),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['completed_at'], name='payment_by_completion'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('next_query_at__isnull', False)), fields=['method', 'next_query_at'], name='payment_to_query'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('attention__gt', '')), fields=['id'], name='payment_needs_attention'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='tell_waiters', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."status" IS DISTINCT FROM (NEW."status"))', func="PERFORM pg_notify('payment_changed', NEW.id::text); RETURN NEW;", hash='1ed4433bf54944f93bfbae56ec0f9c9acfb771ac', operation='UPDATE OF "status"', pgid='pgtrigger_tell_waiters_33e41', table='payments_payment', when='AFTER')),
        ),
        # What was settled before came in whole and counts on its sale.
        migrations.RunSQL(
            "UPDATE payments_payment SET amount_received = amount, amount_applied = amount,"
            " refund_reserved = amount_refunded WHERE status IN ('success', 'refunded')",
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_refunded__gte', 0), ('amount_refunded__lte', models.F('refund_reserved')), ('refund_reserved__lte', models.F('amount_received'))), name='payment_refunds_within_received'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_applied__gte', 0), ('amount_applied__lte', django.db.models.expressions.CombinedExpression(models.F('amount_received'), '-', models.F('amount_unapplied'))), ('amount_unapplied__gte', 0)), name='payment_use_within_received'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_received__gt', 0), ('status__in', ['success', 'refunded'])), models.Q(('amount_received', 0), ('status__in', ['pending', 'processing', 'failed', 'cancelled'])), _connector='OR'), name='payment_received_when_settled'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('gateway_id', ''), _negated=True), fields=('method', 'gateway_id'), name='payment_gateway_id_once'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('token_hash', ''), _negated=True), fields=('token_hash',), name='payment_token_once'),
        ),
        migrations.AddField(
            model_name='gatewaycallback',
            name='payment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='callbacks', to='payments.payment'),
        ),
        migrations.AddField(
            model_name='refund',
            name='approved_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='refund',
            name='payment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='payments.payment'),
        ),
        migrations.AddField(
            model_name='refund',
            name='requested_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='gatewaycallback',
            name='refund',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='callbacks', to='payments.refund'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['payment', 'id'], name='refund_by_payment'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['completed_at'], name='refund_by_completion'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('gateway_id', ''), _negated=True), fields=['method', 'gateway_id'], name='refund_by_gateway_id'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('next_query_at__isnull', False)), fields=['method', 'next_query_at'], name='refund_to_query'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('attention__gt', '')), fields=['id'], name='refund_needs_attention'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('from_sale__gte', 0), ('from_sale__lte', models.F('amount'))), name='refund_from_sale_within_amount'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'processing', 'completed', 'failed', 'rejected'])), name='refund_status_known'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('completed_at__isnull', False), ('status', 'completed')), models.Q(models.Q(('status', 'completed'), _negated=True), ('completed_at__isnull', True)), _connector='OR'), name='refund_completed_has_time'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'processing')), fields=('payment',), name='refund_one_in_flight'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(condition=models.Q(('token_hash', ''), _negated=True), fields=('token_hash',), name='refund_token_once'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(condition=models.Q(('external_reference__isnull', False)), fields=('method', 'external_reference'), name='refund_receipt_used_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='refund',
            trigger=pgtrigger.compiler.Trigger(name='kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='1fda3af8db1b5d4f56ee58b94e478dfe06afa21a', operation='DELETE', pgid='pgtrigger_kept_fd094', table='payments_refund', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='gatewaycallback',
            index=models.Index(condition=models.Q(('next_try_at__isnull', False)), fields=['next_try_at'], name='callback_to_try'),
        ),
        migrations.AddIndex(
            model_name='gatewaycallback',
            index=models.Index(fields=['received_at'], name='callback_by_arrival'),
        ),
        migrations.AddIndex(
            model_name='gatewaycallback',
            index=models.Index(fields=['payment', 'id'], name='callback_by_payment'),
        ),
        migrations.AddConstraint(
            model_name='gatewaycallback',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['received', 'waiting', 'unmatched', 'applied', 'repeated', 'asked', 'ignored', 'rejected', 'parked'])), name='callback_state_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='gatewaycallback',
            trigger=pgtrigger.compiler.Trigger(name='kept_as_it_came', sql=pgtrigger.compiler.UpsertTriggerSql(func='RAISE EXCEPTION \'pgtrigger: Cannot update of "body", "digest", "received_at", "route", "callback_type" rows from % table\', TG_TABLE_NAME;', hash='2858c40b69ac9ffa081078d51b346c0bffdfe7d5', operation='UPDATE OF "body", "digest", "received_at", "route", "callback_type"', pgid='pgtrigger_kept_as_it_came_246d3', table='payments_gatewaycallback', when='BEFORE')),
        ),
    ]
