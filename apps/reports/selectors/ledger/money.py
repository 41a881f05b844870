"""Rules of money: what sales, payments and refunds say of each other."""

from apps.reports.selectors.ledger.rule import Rule

PAID = Rule(
    "what a sale says is paid, pending and change is what its payments say",
    """
    SELECT sale.id AS sale_id, sale_number, amount_paid, amount_pending, change, coalesce(paid, 0.00) AS paid,
           coalesce(pending, 0.00) AS pending, coalesce(handed_back, 0.00) AS handed_back
      FROM sales_sale AS sale LEFT JOIN (
        SELECT sale_id, sum(amount_applied) AS paid,
               sum(amount) FILTER (WHERE status IN ('pending', 'processing')) AS pending,
               sum(change) FILTER (WHERE status IN ('success', 'refunded')) AS handed_back
          FROM payments_payment GROUP BY sale_id
      ) AS sums ON sums.sale_id = sale.id
     WHERE (amount_paid, amount_pending, change)
           <> (coalesce(paid, 0), coalesce(pending, 0), coalesce(handed_back, 0))
    """,
    "{sale_number} (sale {sale_id}) says paid {amount_paid}, pending {amount_pending}, change {change}; its payments "
    "say {paid}, {pending}, {handed_back}.",
)
RECEIVED = Rule(
    "what a payment took in is on its sale, waits to go back, or went back",
    """
    SELECT payment.id AS payment_id, sale_id, payment.status, amount_received, amount_applied, amount_unapplied,
           coalesce(back, 0.00) AS back, coalesce(from_sale, 0.00) AS from_sale
      FROM payments_payment AS payment LEFT JOIN (
        SELECT payment_id, sum(amount) AS back, sum(from_sale) AS from_sale
          FROM payments_refund WHERE status = 'completed' GROUP BY payment_id
      ) AS sums ON sums.payment_id = payment.id
     WHERE amount_received <> amount_applied + amount_unapplied + coalesce(back, 0) - coalesce(from_sale, 0)
        OR (status IN ('success', 'refunded')) <> (amount_received > 0)
    """,
    "Payment {payment_id} of sale {sale_id} ({status}) took in {amount_received}: {amount_applied} counts on the "
    "sale, {amount_unapplied} waits, {back} went back, {from_sale} of it after the sale was completed.",
)
REFUNDED = Rule(
    "a payment says what its refunds say, and never more than came in",
    """
    SELECT payment.id AS payment_id, sale_id, payment.status, amount_received, amount_refunded, refund_reserved,
           coalesce(made, 0.00) AS made, coalesce(asked, 0.00) AS asked
      FROM payments_payment AS payment LEFT JOIN (
        SELECT payment_id, sum(amount) FILTER (WHERE status = 'completed') AS made,
               sum(amount) FILTER (WHERE status IN ('pending', 'processing', 'completed')) AS asked
          FROM payments_refund GROUP BY payment_id
      ) AS sums ON sums.payment_id = payment.id
     WHERE (amount_refunded, refund_reserved) <> (coalesce(made, 0), coalesce(asked, 0))
        OR coalesce(asked, 0) > amount_received
        OR (status = 'refunded') <> (amount_refunded > 0 AND amount_refunded = amount_received)
    """,
    "Payment {payment_id} of sale {sale_id} ({status}, {amount_received} came) says {amount_refunded} refunded and "
    "{refund_reserved} asked back; its refunds say {made} and {asked}.",
)
WENT_BACK = Rule(
    "what a sale says went back is what its refunds say",
    """
    SELECT sale.id AS sale_id, sale_number, amount_refunded, coalesce(refunds, 0.00) AS refunds
      FROM sales_sale AS sale LEFT JOIN (
        SELECT sale_id, sum(from_sale) AS refunds
          FROM payments_refund AS refund JOIN payments_payment AS payment ON payment.id = refund.payment_id
         WHERE refund.status = 'completed' GROUP BY sale_id
      ) AS sums ON sums.sale_id = sale.id
     WHERE amount_refunded <> coalesce(refunds, 0)
    """,
    "{sale_number} (sale {sale_id}) says {amount_refunded} went back; its refunds say {refunds}.",
)
# A name is the gateway's own of the transaction, a receipt what it gives for the money; by the constraints' indexes.
CREDITED = Rule(
    "what a gateway took once is credited once",
    """
    SELECT method, what, name, payments
      FROM (
        SELECT method, 'receipt' AS what, external_reference AS name, count(*) AS payments
          FROM payments_payment WHERE external_reference IS NOT NULL
         GROUP BY method, external_reference HAVING count(*) > 1
        UNION ALL
        SELECT method, 'transaction', gateway_id, count(*)
          FROM payments_payment WHERE gateway_id <> ''
         GROUP BY method, gateway_id HAVING count(*) > 1
      ) AS repeated
    """,
    "{payments} payments by {method} name the {what} {name}.",
)
# Only a success writes any of this, and nothing takes it away again.
KEPT = Rule(
    "a payment that succeeded once never fails afterwards",
    """
    SELECT id AS payment_id, sale_id, status, completed_at, external_reference
      FROM payments_payment
     WHERE status NOT IN ('success', 'refunded')
       AND (completed_at IS NOT NULL OR external_reference IS NOT NULL OR confirmed_by_id IS NOT NULL)
    """,
    "Payment {payment_id} of sale {sale_id} is {status}, yet it had succeeded: completed at {completed_at}, receipt "
    "{external_reference}.",
)
RULES = (PAID, RECEIVED, REFUNDED, WENT_BACK, CREDITED, KEPT)
