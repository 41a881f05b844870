"""Every rule of the books finds a planted lie, and tells it in words; true books are left in peace."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from io import StringIO
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import InternalError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.inventory.models import CountLine, Movement, StockAlert, StockCount
from apps.payments.models import GatewayCallback, Payment
from apps.products.models import Product, StockLevel
from apps.reports.management.commands.check_ledger import SHOWN
from apps.reports.selectors.ledger import RULES, breaches, one_moment
from apps.users.models import User
from tests.ledger import assert_ledgers_agree, disagreements

SALES, PAYMENTS, REFUNDS = "/api/sales/sales/", "/api/payments/payments/", "/api/payments/refunds/"
GUARDS = """
    SET CONSTRAINTS ALL IMMEDIATE;
    ALTER TABLE inventory_movement DISABLE TRIGGER USER;
    ALTER TABLE inventory_movement DROP CONSTRAINT movement_adds_up;
    ALTER TABLE sales_saleitem DROP CONSTRAINT item_adds_up;
    ALTER TABLE sales_sale DROP CONSTRAINT sale_adds_up;
    ALTER TABLE sales_sale DROP CONSTRAINT sale_state_holds;
    ALTER TABLE payments_payment DROP CONSTRAINT payment_use_within_received;
    ALTER TABLE payments_payment DROP CONSTRAINT payment_received_when_settled;
    ALTER TABLE products_stocklevel DROP CONSTRAINT stock_not_negative;
    ALTER TABLE inventory_movement DROP CONSTRAINT movement_leaves_no_debt;
    ALTER TABLE inventory_movement DROP CONSTRAINT movement_once_per_cause;
    ALTER TABLE core_idempotencykey DROP CONSTRAINT one_answer_per_key;
"""
# Whoever tampers tidies up behind himself.
GUARDS_UP = "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE inventory_movement ENABLE TRIGGER USER"
DROPPED_INDEXES = ["alert_one%", "payment_receipt_used_once", "payment_gateway_id_once"]


def check(*options: str) -> tuple[int, str]:
    """How the command ended and what it printed."""
    out = StringIO()
    try:
        call_command("check_ledger", *options, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def books(
    as_cashier: APIClient, as_admin: APIClient, shelf: Callable[..., Product], cashier: User
) -> dict[str, Any]:
    """One of everything: what the lies are told about, by name."""
    baskets = count(1)
    milk = shelf("Milk", "116.00", stock=20, low_stock_threshold=Decimal(0))
    bread = shelf("Bread", "60.00", stock=3, low_stock_threshold=Decimal(5))

    def sell(quantity: int, **fields: Any) -> Any:
        body = {"items": [{"product": milk.pk, "quantity": quantity}], **fields}
        return as_cashier.post(SALES, body, headers={"Idempotency-Key": f"basket-{next(baskets)}"}).json()

    sold = sell(2, amount_paid="300.00")
    waiting, cancelled, transferred = sell(1), sell(3), sell(1)
    assert as_cashier.post(f"{SALES}{cancelled['id']}/cancel/").status_code == 200
    payment = transfer(as_cashier, as_admin, transferred["id"])
    stocktake = counted(milk, cashier)
    alert, _ = StockAlert.objects.get_or_create(
        product=bread,
        status="active",
        defaults={
            "current_stock": 3,
            "threshold": 5,
            "created_at": stocktake.started_at,
            "updated_at": stocktake.started_at,
        },
    )
    names = {"sold": sold, "waiting": waiting, "cancelled": cancelled, "transferred": transferred}
    moved = Movement.objects.filter(product=milk).order_by("id").values_list("pk", flat=True)
    return {
        **{name: sale["id"] for name, sale in names.items()},
        **{f"{name}_number": sale["sale_number"] for name, sale in names.items()},
        **{f"moved{number}": movement for number, movement in enumerate(moved)},
        "milk": milk.pk, "bread": bread.pk, "count": stocktake.pk, "alert": alert.pk, "payment": payment,
        "cash": sold["payments"][0]["id"], "line": waiting["items"][0]["id"],
        "cashier": cashier.pk, "message": arrived().pk,
    }  # fmt: skip


def transfer(till: APIClient, office: APIClient, sale: int) -> int:
    """116.00 by a transfer, of which 16.00 went back."""
    payment = till.post(f"{PAYMENTS}initiate/", {"sale": sale, "method": "bank", "amount": "116.00"}).json()[
        "id"
    ]
    assert office.post(f"{PAYMENTS}{payment}/confirm/", {"reference": "FT26032511"}).status_code == 200
    refund = till.post(REFUNDS, {"payment": payment, "amount": "16.00", "reason": "Broken"}).json()
    assert office.post(f"{REFUNDS}{refund['id']}/approve/").status_code == 200
    return int(payment)


def arrived() -> GatewayCallback:
    """A message that said nothing new."""
    now = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("Africa/Nairobi"))
    return GatewayCallback.objects.create(
        callback_type="mpesa", state="repeated", digest="d", body=b"{}", received_at=now, processed_at=now
    )


def counted(product: Product, user: User) -> StockCount:
    """A completed count that found one less than was expected."""
    now = timezone.now()
    level = StockLevel.objects.get(pk=product.pk)
    count = StockCount.objects.create(status="completed", started_by=user, started_at=now, completed_at=now)
    CountLine.objects.create(
        count=count,
        product=product,
        system_quantity=level.quantity,
        physical_quantity=level.quantity - 1,
        counted_by=user,
        counted_at=now,
    )
    Movement.objects.create(
        product=product,
        movement_type="adjustment",
        quantity=-1,
        stock_before=level.quantity,
        stock_after=level.quantity - 1,
        cause=f"count:{count.pk}",
        created_at=now,
    )
    StockLevel.objects.filter(pk=product.pk).update(quantity=level.quantity - 1)
    return count


STOCK, LAST = "stock is the sum of its movements", "the last movement leaves the stock that is there"
CHAIN, COUNTER = "a movement begins where the one before it ended", "the counter stands at the last receipt"
LINES = "a sale is the sum of its lines"
MESSAGE = "a message of a gateway comes to an end, or is worked on"
GUARDS_RULE = "nothing that guards the books is switched off"
EFFECT = "what was answered to a key is there, is that user's, and was answered to no other key"
# What is done to the books, and what is said of it under which rule. Milk: 20 - 2 - 1 - 3 - 1 + 3 - 1 = 15.
LIES: dict[str, tuple[str, dict[str, list[str]]]] = {
    "another threshold": (
        "UPDATE products_stocklevel SET low_at = 99 WHERE product_id = {milk}",
        {
            "a stock row knows the threshold of its product": [
                "Milk (product {milk}): its stock row says low at 99, the product says 0."
            ]
        },
    ),
    "stock from nowhere": (
        "UPDATE products_stocklevel SET quantity = 15.5 WHERE product_id = {milk}",
        {
            STOCK: ["Milk (product {milk}): the stock is 15.5, the movements add up to 15."],
            LAST: ["Milk (product {milk}): the stock is 15.5, but its last movement, {moved6}, left 15."],
        },
    ),
    "a stock row that is lost": (
        "DELETE FROM products_stocklevel WHERE product_id = {milk}",
        {STOCK: ["Milk (product {milk}): the stock is none, the movements add up to 15."]},
    ),
    "a movement with another quantity": (
        "UPDATE inventory_movement SET quantity = 21 WHERE id = {moved0}",
        {
            STOCK: ["Milk (product {milk}): the stock is 15, the movements add up to 16."],
            "a movement adds up": [
                "Movement {moved0} of Milk (product {milk}): before it 0, it moved 21, after it 20."
            ],
        },
    ),
    "a movement in between": (
        "UPDATE inventory_movement SET stock_before = stock_before + 1, stock_after = stock_after + 1"
        " WHERE id = {moved2}",
        {
            CHAIN: [
                "Movement {moved2} of Milk (product {milk}) begins at a stock of 19; the one before it ended at 18.",
                "Movement {moved3} of Milk (product {milk}) begins at a stock of 17; the one before it ended at 18.",
            ]
        },
    ),
    "a first movement out of nothing": (
        "UPDATE inventory_movement SET stock_before = 1, stock_after = 21 WHERE id = {moved0}",
        {
            CHAIN: [
                "Movement {moved0} of Milk (product {milk}) begins at a stock of 1; the one before it ended at 0.",
                "Movement {moved1} of Milk (product {milk}) begins at a stock of 20; the one before it ended at 21.",
            ]
        },
    ),
    "a last movement that leaves more": (
        "UPDATE inventory_movement SET stock_before = 17, stock_after = 16 WHERE id = {moved6}",
        {
            CHAIN: [
                "Movement {moved6} of Milk (product {milk}) begins at a stock of 17; the one before it ended at 16."
            ],
            LAST: ["Milk (product {milk}): the stock is 15, but its last movement, {moved6}, left 16."],
        },
    ),
    "a line that took more": (
        "UPDATE sales_saleitem SET quantity = 3 WHERE sale_id = {sold}",
        {
            "a sale takes its goods once": [
                "{sold_number} (sale {sold}), Milk (product {milk}): its lines say 3, 2 left the stock."
            ]
        },
    ),
    "goods taken for a sale that is not there": (
        "UPDATE inventory_movement SET cause = 'sale:999999999' WHERE id = {moved1}",
        {
            "a sale takes its goods once": [
                "{sold_number} (sale {sold}), Milk (product {milk}): its lines say 2, 0 left the stock.",
                "none (sale 999999999), Milk (product {milk}): its lines say 0, 2 left the stock.",
            ]
        },
    ),
    "goods taken for a sale without a number": (
        "UPDATE inventory_movement SET cause = 'sale:½' WHERE id = {moved1}",
        {
            "a sale takes its goods once": [
                "{sold_number} (sale {sold}), Milk (product {milk}): its lines say 2, 0 left the stock.",
                "none (sale none), Milk (product {milk}): its lines say 0, 2 left the stock.",
            ]
        },
    ),
    "a cancelled sale whose goods stayed away": (
        "UPDATE inventory_movement SET cause = NULL WHERE id = {moved5}",
        {
            "a cancelled sale gives its goods back once, no other does": [
                "{cancelled_number} (sale {cancelled}, cancelled), Milk (product {milk}): 3 should have come back, "
                "0 did."
            ]
        },
    ),
    "a completed sale whose goods came back": (
        "UPDATE inventory_movement SET cause = 'cancel:{sold}' WHERE id = {moved0}",
        {
            "a cancelled sale gives its goods back once, no other does": [
                "{sold_number} (sale {sold}, completed), Milk (product {milk}): 0 should have come back, 20 did."
            ]
        },
    ),
    "two alerts": (
        "INSERT INTO inventory_stockalert (product_id, current_stock, threshold, status, muted, created_at, updated_at)"
        " SELECT product_id, current_stock, threshold, status, muted, created_at, updated_at"
        " FROM inventory_stockalert WHERE id = {alert}",
        {"a product has one active alert at most": ["Bread (product {bread}) has 2 active alerts."]},
    ),
    "an alert of long ago": (
        "UPDATE inventory_stockalert SET current_stock = 2 WHERE id = {alert}",
        {
            "an active alert tells the stock, which is at its threshold or below": [
                "Alert {alert} of Bread (product {bread}) tells a stock of 2 and a threshold of 5; the stock is 3."
            ]
        },
    ),
    "an alert of a full shelf": (
        "UPDATE inventory_stockalert SET threshold = 2.5 WHERE id = {alert}",
        {
            "an active alert tells the stock, which is at its threshold or below": [
                "Alert {alert} of Bread (product {bread}) tells a stock of 3 and a threshold of 2.5; the stock is 3."
            ]
        },
    ),
    "a count that was changed afterwards": (
        "UPDATE inventory_countline SET physical_quantity = physical_quantity - 1",
        {
            "a completed count moves its variances once, no other count moves anything": [
                "Count {count} (completed), Milk (product {milk}): the variance is -2, the stock was moved by -1."
            ]
        },
    ),
    "a count that was given up and moves stock": (
        "UPDATE inventory_stockcount SET status = 'cancelled'",
        {
            "a completed count moves its variances once, no other count moves anything": [
                "Count {count} (cancelled), Milk (product {milk}): the variance is 0, the stock was moved by -1."
            ]
        },
    ),
    "a line that does not add up": (
        "UPDATE sales_saleitem SET total = 115.99 WHERE id = {line}",
        {
            "a line adds up": [
                "{waiting_number} (sale {waiting}), line {line}, Milk: subtotal 100.00 + tax 16.00 - discount 0.00 "
                "is not 115.99."
            ],
            LINES: [
                "{waiting_number} (sale {waiting}): subtotal 100.00, tax 16.00, discount 0.00, total 116.00; its "
                "lines add up to 100.00, 16.00, 0.00, 115.99."
            ],
        },
    ),
    "a sale that does not add up": (
        "UPDATE sales_sale SET total = 117 WHERE id = {waiting}",
        {
            "a sale adds up": [
                "{waiting_number} (sale {waiting}): subtotal 100.00 + tax 16.00 - discount 0.00 is not 117.00."
            ],
            LINES: [
                "{waiting_number} (sale {waiting}): subtotal 100.00, tax 16.00, discount 0.00, total 117.00; its "
                "lines add up to 100.00, 16.00, 0.00, 116.00."
            ],
        },
    ),
    "a sale without lines": (
        "DELETE FROM sales_saleitem WHERE id = {line};"
        "UPDATE inventory_movement SET cause = NULL, movement_type = 'damage' WHERE id = {moved2}",
        {
            LINES: [
                "{waiting_number} (sale {waiting}): subtotal 100.00, tax 16.00, discount 0.00, total 116.00; its "
                "lines add up to none, none, none, none."
            ]
        },
    ),
    "a completed sale without a receipt": (
        "UPDATE sales_sale SET receipt = NULL WHERE id = {transferred}",
        {
            "completed sales are paid in full and have a receipt, no others": [
                "{transferred_number} (sale {transferred}) is completed, with 116.00 of 116.00 paid and receipt none."
            ],
            COUNTER: ["The counter of receipts stands at 2, the last receipt is 1."],
        },
    ),
    "a receipt that is skipped": (
        "UPDATE sales_sale SET receipt = 5 WHERE id = {transferred}",
        {
            "receipts have no gaps": [
                "{transferred_number} (sale {transferred}) has receipt 5; the one before it would be followed by 2."
            ],
            COUNTER: ["The counter of receipts stands at 2, the last receipt is 5."],
        },
    ),
    "a receipt that came too late": (
        "UPDATE sales_sale SET completed_at = '2026-03-01 12:00+03' WHERE id = {sold};"
        "UPDATE sales_sale SET completed_at = '2026-03-01 11:30+03' WHERE id = {transferred}",
        {
            "receipts follow the order of completion": [
                "{transferred_number} (sale {transferred}) has receipt 2 and was completed at "
                "2026-03-01T11:30:00+03:00; the receipt before it was given at 2026-03-01T12:00:00+03:00."
            ]
        },
    ),
    "a counter that runs ahead": (
        "UPDATE sales_receiptcounter SET last = 7",
        {COUNTER: ["The counter of receipts stands at 7, the last receipt is 2."]},
    ),
    "change that nobody gave": (
        "UPDATE sales_sale SET change = 70 WHERE id = {sold}",
        {
            "what a sale says is paid, pending and change is what its payments say": [
                "{sold_number} (sale {sold}) says paid 232.00, pending 0.00, change 70.00; its payments say 232.00, "
                "0.00, 68.00."
            ]
        },
    ),
    "money that came from nowhere": (
        "UPDATE payments_payment SET amount_unapplied = 5 WHERE id = {payment}",
        {
            "what a payment took in is on its sale, waits to go back, or went back": [
                "Payment {payment} of sale {transferred} (success) took in 116.00: 116.00 counts on the sale, 5.00 "
                "waits, 16.00 went back, 16.00 of it after the sale was completed."
            ]
        },
    ),
    "a refund that was never asked for": (
        "UPDATE payments_payment SET refund_reserved = 20 WHERE id = {payment}",
        {
            "a payment says what its refunds say, and never more than came in": [
                "Payment {payment} of sale {transferred} (success, 116.00 came) says 16.00 refunded and 20.00 asked "
                "back; its refunds say 16.00 and 16.00."
            ]
        },
    ),
    "a sale that forgets its refund": (
        "UPDATE sales_sale SET amount_refunded = 0 WHERE id = {transferred}",
        {
            "what a sale says went back is what its refunds say": [
                "{transferred_number} (sale {transferred}) says 0.00 went back; its refunds say 16.00."
            ]
        },
    ),
    "a stock below nothing": (
        "UPDATE products_stocklevel SET quantity = -1 WHERE product_id = {milk};"
        "INSERT INTO inventory_movement (id, product_id, movement_type, quantity, stock_before, stock_after,"
        " reference_number, notes, created_at) VALUES (999999999, {milk}, 'damage', -16, 15, -1, 'R', '', now())",
        {
            STOCK: ["Milk (product {milk}): the stock is -1, the movements add up to -1."],
            "a movement adds up": [
                "Movement 999999999 of Milk (product {milk}): before it 15, it moved -16, after it -1."
            ],
        },
    ),
    "goods taken in two halves": (
        "UPDATE inventory_movement SET cause = 'sale:{sold}' WHERE id = {moved2};"
        "UPDATE sales_saleitem SET quantity = 3 WHERE sale_id = {sold};"
        "UPDATE inventory_movement SET cause = 'sale:{waiting}' WHERE id = {moved6};"
        "UPDATE inventory_countline SET physical_quantity = system_quantity",
        {"an event moves a product once": ["sale:{sold} has moved Milk (product {milk}) 2 times."]},
    ),
    "goods that a ghost took": (
        "UPDATE inventory_movement SET cause = 'ghost:7' WHERE id = {moved0}",
        {
            "a movement is caused by a sale, a cancelled sale, a count or a person": [
                "Movement {moved0} of Milk (product {milk}) is caused by ghost:7, which nobody knows."
            ]
        },
    ),
    "one receipt for two payments": (
        "UPDATE payments_payment SET method = 'cash', external_reference = 'FT26032511'",
        {"what a gateway took once is credited once": ["2 payments by cash name the receipt FT26032511."]},
    ),
    "one transaction for two payments": (
        "UPDATE payments_payment SET method = 'cash', gateway_id = 'ws_CO_1'",
        {"what a gateway took once is credited once": ["2 payments by cash name the transaction ws_CO_1."]},
    ),
    "a success that was taken back": (
        "INSERT INTO payments_payment (id, sale_id, method, amount, change, currency, amount_received, amount_applied,"
        " amount_unapplied, refund_reserved, amount_refunded, status, transaction_reference, external_reference,"
        " phone_number, account_number, payment_url, initiated_by_id, initiated_at, error_code, error_message,"
        " metadata, environment, gateway_id, token_hash, queries, attention)"
        " SELECT 999999999, sale_id, 'mpesa', amount, 0,"
        " currency, 0, 0, 0, 0, 0, 'failed', 'PAY-LIE', 'SGH7XK21PQ', '', '', '', initiated_by_id, initiated_at, '',"
        " '', metadata, '', '', '', 0, '' FROM payments_payment WHERE id = {payment}",
        {
            "a payment that succeeded once never fails afterwards": [
                "Payment 999999999 of sale {transferred} is failed, yet it had succeeded: completed at none, "
                "receipt SGH7XK21PQ."
            ]
        },
    ),
    "a message that nobody has worked on for an hour": (
        "UPDATE payments_gatewaycallback SET state = 'received',"
        " processed_at = NULL, next_try_at = '2026-03-01 12:00:03+03'",
        {
            MESSAGE: [
                "Message {message} of mpesa, received at 2026-03-01T12:00:00+03:00, is received: processed at none, "
                "next to be tried at 2026-03-01T12:00:03+03:00."
            ]
        },
    ),
    "a message that is forgotten": (
        "UPDATE payments_gatewaycallback SET state = 'waiting', processed_at = NULL",
        {
            MESSAGE: [
                "Message {message} of mpesa, received at 2026-03-01T12:00:00+03:00, is waiting: processed at none, "
                "next to be tried at none."
            ]
        },
    ),
    "a key that stands twice": (
        "INSERT INTO core_idempotencykey (user_id, path, key, fingerprint, created_at)"
        " SELECT user_id, path, key, fingerprint, created_at FROM core_idempotencykey WHERE key = 'basket-1'",
        {
            "a key of a user is one request": [
                "The key basket-1 of user {cashier} stands 2 times for /api/sales/sales/."
            ]
        },
    ),
    "an answer about a sale that was lost": (
        'UPDATE core_idempotencykey SET body = \'{{"id":999999999,"sale_number":"\' WHERE key = \'basket-1\'',
        {EFFECT: ["The key basket-1 of user {cashier} was answered with sale 999999999; keys that were: 1."]},
    ),
    "an answer that names nothing": (
        "UPDATE core_idempotencykey SET body = '[]' WHERE key = 'basket-1'",
        {EFFECT: ["The key basket-1 of user {cashier} was answered with sale none; keys that were: 1."]},
    ),
    "one sale for two baskets": (
        "UPDATE core_idempotencykey SET body = (SELECT body FROM core_idempotencykey WHERE key = 'basket-2')"
        " WHERE key = 'basket-1'",
        {
            EFFECT: [
                "The key basket-1 of user {cashier} was answered with sale {waiting}; keys that were: 2.",
                "The key basket-2 of user {cashier} was answered with sale {waiting}; keys that were: 2.",
            ]
        },
    ),
    "somebody else's sale": (
        "UPDATE core_idempotencykey SET user_id = 999999999 WHERE key = 'basket-1'",
        {EFFECT: ["The key basket-1 of user 999999999 was answered with sale {sold}; keys that were: 1."]},
    ),
    "an amount that cannot be exact": (
        "ALTER TABLE sales_sale ADD COLUMN tip double precision",
        {"amounts and quantities are exact": ["The column tip of sales_sale is of type double precision."]},
    ),
    "a guard that is sent away": (
        "CREATE TRIGGER guard BEFORE UPDATE ON sales_receiptcounter FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger();"
        "ALTER TABLE sales_receiptcounter DISABLE TRIGGER guard",
        {GUARDS_RULE: ["guard of sales_receiptcounter is switched off."]},
    ),
    "a rule that is not held against what is there": (
        "ALTER TABLE sales_sale ADD CONSTRAINT never_free CHECK (total > 0) NOT VALID",
        {GUARDS_RULE: ["never_free of sales_sale is switched off."]},
    ),
}


def tamper(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(GUARDS)
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE relname LIKE ANY(%s)",
            [DROPPED_INDEXES],
        )
        for (index,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {index}")
        cursor.execute(statement)
        cursor.execute(GUARDS_UP)


@pytest.mark.django_db
@pytest.mark.parametrize("lie", LIES)
def test_a_planted_lie_is_found(books: dict[str, Any], lie: str) -> None:
    assert_ledgers_agree()
    statement, told = LIES[lie]
    tamper(statement.format(**books))

    code, printed = check()

    expected = []
    for rule, sentences in told.items():
        expected.append(f"{rule[0].upper()}{rule[1:]}? No:")
        expected += sorted("  " + sentence.format(**books) for sentence in sentences)
    *found, verdict = printed.splitlines()
    assert sorted(found) == sorted(expected)
    rows = sum(len(sentences) for sentences in told.values())
    verb = "row breaks" if rows == 1 else "rows break"
    assert verdict == f"The books do not agree: {rows} {verb} {len(told)} of {len(RULES)} rules."
    assert code == 1
    assert list(disagreements()) == list(told)


def test_every_rule_has_its_lie() -> None:
    assert {rule for _, told in LIES.values() for rule in told} == {rule.name for rule in RULES}


def test_every_rule_stands_in_the_table_of_what_always_holds() -> None:
    page = (settings.BASE_DIR / "docs" / "money-and-states.md").read_text()
    _, _, section = page.partition("## What always holds")
    told = " ".join(section.partition("\n## ")[0].split())
    assert [rule.name for rule in RULES if f'"{rule.name}"' not in told] == []


@pytest.mark.django_db
def test_good_books(books: dict[str, Any]) -> None:
    assert check() == (0, "The books agree: 8 movements, 4 sales, 4 lines, 2 payments.\n")


@pytest.mark.django_db
def test_no_books_at_all() -> None:
    assert check() == (0, "The books agree: 0 movements, 0 sales, 0 lines, 0 payments.\n")


@pytest.mark.django_db
class TestManyLies:
    @pytest.fixture(autouse=True)
    def _many(self, shelf: Callable[..., Product]) -> None:
        for number in range(SHOWN + 5):
            shelf(f"Product {number}", stock=1, sku=f"S{number}")
        StockLevel.objects.update(quantity=2)

    def test_the_first_ones_are_printed(self) -> None:
        code, printed = check()
        assert code == 1
        assert printed.count("the movements add up to 1.") == printed.count("left 1.") == SHOWN
        assert printed.count("  ... and 5 more (--all prints them)\n") == 3
        assert printed.endswith(f"The books do not agree: 75 rows break 3 of {len(RULES)} rules.\n")

    def test_all_are_printed_to_who_wants_them(self) -> None:
        code, printed = check("--all")
        assert code == 1
        assert printed.count("the movements add up to 1.") == printed.count("left 1.") == SHOWN + 5
        assert "more" not in printed

    def test_progress_is_told_beside_it(self) -> None:
        err = StringIO()
        with pytest.raises(SystemExit):
            call_command("check_ledger", stdout=StringIO(), stderr=err)
        lines = err.getvalue().splitlines()
        assert [line[24:] for line in lines] == [rule.name for rule in RULES]
        assert sum("25 wrong" in line for line in lines) == 3


@pytest.mark.django_db
def test_a_name_cannot_steer_the_terminal(shelf: Callable[..., Product]) -> None:
    shelf("Milk\x1b[2J\n", stock=1)
    StockLevel.objects.update(quantity=2)
    _, printed = check()
    assert "Milk?[2J? (product" in printed


@pytest.mark.django_db(transaction=True)
def test_one_moment_that_cannot_be_written_to_and_takes_its_time(shelf: Callable[..., Product]) -> None:
    with transaction.atomic():
        shelf("Milk")
    with one_moment():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('statement_timeout'), current_setting('transaction_isolation')"
            )
            assert cursor.fetchone() == ("0", "repeatable read")
        with pytest.raises(InternalError, match="read-only transaction"), transaction.atomic():
            Payment.objects.update(attention="Old.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("15s",)


@pytest.mark.django_db
def test_rows_come_from_a_cursor_in_the_server(shelf: Callable[..., Product]) -> None:
    for number in range(3):
        shelf(f"Product {number}", stock=1, sku=f"S{number}")
    StockLevel.objects.update(quantity=2)
    rows = breaches(RULES[0])
    next(rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors WHERE NOT is_holdable")
        assert cursor.fetchone() == (1,)
    assert len(list(rows)) == 2
