"""What must be true of the books at every committed instant, each as a query that finds what is not."""

from apps.reports.selectors.ledger import goods, money, records, sales
from apps.reports.selectors.ledger.reading import breaches, one_moment
from apps.reports.selectors.ledger.rule import Rule

RULES: tuple[Rule, ...] = (*goods.RULES, *sales.RULES, *money.RULES, *records.RULES)

__all__ = ["RULES", "Rule", "breaches", "one_moment"]
