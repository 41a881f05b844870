"""Rules of sales: their lines, and the series of receipts."""

from apps.reports.selectors.ledger.rule import Rule

LINE = Rule(
    "a line adds up",
    """
    SELECT item.id AS item_id, sale_id, sale_number, product_name AS product, item.subtotal, item.tax_amount,
           item.discount, item.total
      FROM sales_saleitem AS item JOIN sales_sale AS sale ON sale.id = sale_id
     WHERE item.total <> item.subtotal + item.tax_amount - item.discount OR quantity <= 0
    """,
    "{sale_number} (sale {sale_id}), line {item_id}, {product}: subtotal {subtotal} + tax {tax_amount} - discount "
    "{discount} is not {total}.",
)
TOTAL = Rule(
    "a sale adds up",
    """
    SELECT id AS sale_id, sale_number, subtotal, tax_amount, discount, total FROM sales_sale
     WHERE total <> subtotal + tax_amount - discount
    """,
    "{sale_number} (sale {sale_id}): subtotal {subtotal} + tax {tax_amount} - discount {discount} is not {total}.",
)
LINES = Rule(
    "a sale is the sum of its lines",
    """
    SELECT sale.id AS sale_id, sale_number, subtotal, tax_amount, discount, total, lines.*
      FROM sales_sale AS sale LEFT JOIN (
        SELECT sale_id AS of_sale, sum(subtotal) AS lines_subtotal, sum(tax_amount) AS lines_tax,
               sum(discount) AS lines_discount, sum(total) AS lines_total
          FROM sales_saleitem GROUP BY sale_id
      ) AS lines ON of_sale = sale.id
     WHERE (subtotal, tax_amount, discount, total)
           IS DISTINCT FROM (lines_subtotal, lines_tax, lines_discount, lines_total)
    """,
    "{sale_number} (sale {sale_id}): subtotal {subtotal}, tax {tax_amount}, discount {discount}, total {total}; its "
    "lines add up to {lines_subtotal}, {lines_tax}, {lines_discount}, {lines_total}.",
)
COMPLETED = Rule(
    "completed sales are paid in full and have a receipt, no others",
    """
    SELECT id AS sale_id, sale_number, status, total, amount_paid, receipt FROM sales_sale
     WHERE (status = 'completed') <> (receipt IS NOT NULL)
        OR (status = 'completed') <> (completed_at IS NOT NULL)
        OR (status = 'completed' AND amount_paid <> total) OR (status = 'cancelled' AND amount_paid <> 0)
    """,
    "{sale_number} (sale {sale_id}) is {status}, with {amount_paid} of {total} paid and receipt {receipt}.",
)
NO_GAPS = Rule(
    "receipts have no gaps",
    """
    SELECT series.id AS sale_id, sale_number, receipt, expected FROM (
        SELECT id, sale_number, receipt, lag(receipt, 1, 0) OVER (ORDER BY receipt) + 1 AS expected
          FROM sales_sale WHERE receipt IS NOT NULL
    ) AS series WHERE receipt <> expected
    """,
    "{sale_number} (sale {sale_id}) has receipt {receipt}; the one before it would be followed by {expected}.",
)
IN_ORDER = Rule(
    "receipts follow the order of completion",
    """
    SELECT series.id AS sale_id, sale_number, receipt, completed_at, previous FROM (
        SELECT id, sale_number, receipt, completed_at, lag(completed_at) OVER (ORDER BY receipt) AS previous
          FROM sales_sale WHERE receipt IS NOT NULL
    ) AS series WHERE completed_at < previous
    """,
    "{sale_number} (sale {sale_id}) has receipt {receipt} and was completed at {completed_at}; the receipt before "
    "it was given at {previous}.",
)
COUNTER = Rule(
    "the counter stands at the last receipt",
    """
    SELECT * FROM (
        SELECT (SELECT coalesce(max(last), 0) FROM sales_receiptcounter) AS counter,
               (SELECT coalesce(max(receipt), 0) FROM sales_sale) AS receipt
    ) AS ends WHERE counter <> receipt
    """,
    "The counter of receipts stands at {counter}, the last receipt is {receipt}.",
)
RULES = (LINE, TOTAL, LINES, COMPLETED, NO_GAPS, IN_ORDER, COUNTER)
