"""What must be true of the books at every committed instant, each as a query that finds what is not.

`assert_ledgers_agree()` ends any test that moves goods or money. It reads one snapshot, so it may also run beside
the tills.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

CHECKS = {
    "stock is the sum of its movements": """
        SELECT product_id, level.quantity AS stock, coalesce(sum(m.quantity), 0) AS moved
          FROM products_stocklevel AS level LEFT JOIN inventory_movement AS m USING (product_id)
         GROUP BY product_id, level.quantity HAVING level.quantity <> coalesce(sum(m.quantity), 0)
    """,
    "a movement adds up": """
        SELECT id, stock_before, quantity, stock_after FROM inventory_movement
         WHERE stock_after <> stock_before + quantity OR stock_after < 0
    """,
    "a movement begins where the one before it ended": """
        SELECT * FROM (
            SELECT id, product_id, stock_before,
                   lag(stock_after, 1, 0) OVER (PARTITION BY product_id ORDER BY id) AS ended
              FROM inventory_movement
        ) AS chain WHERE stock_before <> ended
    """,
    # What comes back by a refund has another cause and is not looked at here.
    "a sale takes its goods once, and only a cancelled one gives them back, once": """
        SELECT sale.id, sale.status, item.product_id, item.taken, coalesce(moved.quantity, 0) AS moved
          FROM sales_sale AS sale
          JOIN (SELECT sale_id, product_id, sum(quantity) AS taken FROM sales_saleitem GROUP BY 1, 2) AS item
            ON item.sale_id = sale.id
          LEFT JOIN (SELECT cause, product_id, quantity FROM inventory_movement) AS sold
            ON sold.cause = 'sale:' || sale.id AND sold.product_id = item.product_id
          LEFT JOIN (
            SELECT split_part(cause, ':', 2) AS sale, product_id, sum(quantity) AS quantity
              FROM inventory_movement WHERE cause LIKE 'sale:%' OR cause LIKE 'cancel:%' GROUP BY 1, 2
          ) AS moved ON moved.sale = sale.id::text AND moved.product_id = item.product_id
         WHERE sold.quantity IS DISTINCT FROM -item.taken
            OR coalesce(moved.quantity, 0) <> CASE sale.status WHEN 'cancelled' THEN 0 ELSE -item.taken END
    """,
    "a sale is the sum of its lines": """
        SELECT sale.id, sale.total, sum(item.total) AS lines
          FROM sales_sale AS sale LEFT JOIN sales_saleitem AS item ON item.sale_id = sale.id
         GROUP BY sale.id
        HAVING (sale.subtotal, sale.tax_amount, sale.discount, sale.total)
               IS DISTINCT FROM (sum(item.subtotal), sum(item.tax_amount), sum(item.discount), sum(item.total))
    """,
    "what a sale says is paid, pending and change is what its payments say": """
        SELECT sale.id, sale.amount_paid, sale.amount_pending, sale.change, sums.*
          FROM sales_sale AS sale CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_applied), 0) AS paid,
                   coalesce(sum(amount) FILTER (WHERE status IN ('pending', 'processing')), 0) AS pending,
                   coalesce(sum(change) FILTER (WHERE status IN ('success', 'refunded')), 0) AS change
              FROM payments_payment WHERE sale_id = sale.id
          ) AS sums
         WHERE (sale.amount_paid, sale.amount_pending, sale.change) <> (sums.paid, sums.pending, sums.change)
    """,
    "what a payment took in is on its sale, waits to go back, or went back": """
        SELECT payment.id, payment.status, amount_received, amount_applied, amount_unapplied, sums.*
          FROM payments_payment AS payment CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS back, coalesce(sum(from_sale), 0) AS from_sale
              FROM payments_refund WHERE payment_id = payment.id AND status = 'completed'
          ) AS sums
         WHERE amount_received <> amount_applied + amount_unapplied + sums.back - sums.from_sale
            OR (status IN ('success', 'refunded')) <> (amount_received > 0)
    """,
    "a payment says what its refunds say, and never more than came in": """
        SELECT payment.id, payment.status, amount_refunded, refund_reserved, sums.*
          FROM payments_payment AS payment CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE status = 'completed'), 0) AS made,
                   coalesce(sum(amount) FILTER (WHERE status IN ('pending', 'processing', 'completed')), 0) AS asked
              FROM payments_refund WHERE payment_id = payment.id
          ) AS sums
         WHERE (amount_refunded, refund_reserved) <> (sums.made, sums.asked) OR sums.asked > amount_received
            OR (status = 'refunded') <> (amount_refunded > 0 AND amount_refunded = amount_received)
    """,
    "what a sale says went back is what its refunds say": """
        SELECT sale.id, sale.amount_refunded, coalesce(sum(refund.from_sale), 0) AS refunds
          FROM sales_sale AS sale
          LEFT JOIN payments_payment AS payment ON payment.sale_id = sale.id
          LEFT JOIN payments_refund AS refund ON refund.payment_id = payment.id AND refund.status = 'completed'
         GROUP BY sale.id HAVING sale.amount_refunded <> coalesce(sum(refund.from_sale), 0)
    """,
    "completed sales are paid in full and have a receipt, no others": """
        SELECT id, status, total, amount_paid, receipt FROM sales_sale
         WHERE (status = 'completed') <> (receipt IS NOT NULL)
            OR (status = 'completed' AND amount_paid <> total) OR (status = 'cancelled' AND amount_paid <> 0)
    """,
    "receipts have no gaps": """
        SELECT * FROM (
            SELECT id, receipt, row_number() OVER (ORDER BY receipt) AS expected
              FROM sales_sale WHERE receipt IS NOT NULL
        ) AS series WHERE receipt <> expected
    """,
    "receipts follow the order of completion": """
        SELECT * FROM (
            SELECT receipt, completed_at, lag(completed_at) OVER (ORDER BY receipt) AS previous
              FROM sales_sale WHERE receipt IS NOT NULL
        ) AS series WHERE completed_at < previous
    """,
    "the counter stands at the last receipt": """
        SELECT * FROM (
            SELECT (SELECT coalesce(max(last), 0) FROM sales_receiptcounter) AS counter,
                   (SELECT coalesce(max(receipt), 0) FROM sales_sale) AS receipt
        ) AS ends WHERE counter <> receipt
    """,
}


def assert_ledgers_agree() -> None:
    """Stock, sales, payments and receipts tell one story."""
    found = disagreements()
    assert not found, found


def disagreements() -> dict[str, list[dict[str, object]]]:
    """The rules that do not hold, each with the rows that break it."""
    with _one_snapshot():
        found = {rule: _rows(query) for rule, query in CHECKS.items()}
    return {rule: rows for rule, rows in found.items() if rows}


def _rows(query: str) -> list[dict[str, object]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Without it a till could write between two checks; a test inside a transaction sees its own writes."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
