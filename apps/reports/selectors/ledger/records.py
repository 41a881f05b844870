"""Rules of what is kept beside the ledgers: messages of gateways, answered requests, and the tables themselves."""

from apps.reports.selectors.ledger.rule import Rule

# Trying again ends after 15 minutes (apps.payments.services.inbox). One that is due and that nobody has touched for as
# long means that no worker runs.
MESSAGE = Rule(
    "a message of a gateway comes to an end, or is worked on",
    """
    SELECT id AS message_id, callback_type AS gateway, state, received_at, processed_at, next_try_at
      FROM payments_gatewaycallback
     WHERE next_try_at < now() - interval '15 minutes'
        OR CASE WHEN state IN ('received', 'waiting') THEN next_try_at IS NULL
                WHEN state = 'unmatched' THEN false
                WHEN state = 'parked' THEN next_try_at IS NOT NULL
                ELSE next_try_at IS NOT NULL OR processed_at IS NULL END
    """,
    "Message {message_id} of {gateway}, received at {received_at}, is {state}: processed at {processed_at}, next to be "
    "tried at {next_try_at}.",
)
KEY = Rule(
    "a key of a user is one request",
    """
    SELECT user_id, path, key, times
      FROM (
        SELECT user_id, path, key, count(*) AS times FROM core_idempotencykey
         GROUP BY user_id, path, key HAVING count(*) > 1
      ) AS repeated
    """,
    "The key {key} of user {user_id} stands {times} times for {path}.",
)
# An answer begins with the id of what was made (`{"id":17,...`); escaped, because what follows may be cut in the middle
# of a letter. OFFSET 0: or it would be cut out of the answer again for each table.
EFFECT = Rule(
    "what was answered to a key is there, is that user's, and was answered to no other key",
    """
    SELECT key, user_id, what, made, keys
      FROM (
        SELECT key, user_id, what, made, count(*) OVER (PARTITION BY what, made) AS keys
          FROM (
            SELECT key, user_id, what,
                   CASE WHEN length(digits) BETWEEN 1 AND 18 AND translate(digits, '0123456789', '') = ''
                        THEN digits::bigint END AS made
              FROM (
                SELECT key, user_id,
                       CASE WHEN path LIKE '%/sales/sales/' THEN 'sale'
                            WHEN path LIKE '%/payments/payments/initiate/' THEN 'payment'
                            WHEN path LIKE '%/payments/refunds/' THEN 'refund' END AS what,
                       CASE WHEN substring(body FROM 1 FOR 6) = '{"id":'::bytea
                            THEN split_part(encode(substring(body FROM 7 FOR 19), 'escape'), ',', 1) END AS digits
                  FROM core_idempotencykey WHERE status = 201 OFFSET 0
              ) AS answers WHERE what IS NOT NULL OFFSET 0
          ) AS named
      ) AS answered
      LEFT JOIN sales_sale AS sale ON what = 'sale' AND sale.id = made
      LEFT JOIN payments_payment AS payment ON what = 'payment' AND payment.id = made
      LEFT JOIN payments_refund AS refund ON what = 'refund' AND refund.id = made
     WHERE keys > 1
        OR coalesce(sale.cashier_id, payment.initiated_by_id, refund.requested_by_id) IS DISTINCT FROM user_id
    """,
    "The key {key} of user {user_id} was answered with {what} {made}; keys that were: {keys}.",
)
# Three decimals are quantities, two money and percentages.
EXACT = Rule(
    "amounts and quantities are exact",
    """
    SELECT relname AS table, attname AS column, format_type(atttypid, atttypmod) AS type
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND pg_table_is_visible(attrelid)
       AND relname ~ '^(core|users|products|inventory|sales|payments|reports)_'
       AND atttypid IN ('real'::regtype, 'double precision'::regtype, 'money'::regtype, 'numeric'::regtype)
       AND format_type(atttypid, atttypmod) !~ '^numeric[(][0-9]+,[23][)]$'
    """,
    "The column {column} of {table} is of type {type}.",
)
GUARDED = Rule(
    "nothing that guards the books is switched off",
    """
    SELECT relname AS table, guard
      FROM (
        SELECT tgrelid AS table_id, tgname AS guard FROM pg_trigger WHERE tgenabled IN ('D', 'R')
        UNION ALL
        SELECT conrelid, conname FROM pg_constraint WHERE NOT convalidated
      ) AS off JOIN pg_class ON pg_class.oid = table_id
     WHERE pg_table_is_visible(table_id)
       AND relname ~ '^(core|users|products|inventory|sales|payments|reports)_'
    """,
    "{guard} of {table} is switched off.",
)
RULES = (MESSAGE, KEY, EFFECT, EXACT, GUARDED)
