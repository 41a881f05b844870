"""Adding up sales, lines and refunds, and how rows of reports look."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from tests.journeys.month.arithmetic import NOTHING, cents, percent, share, total
from tests.journeys.month.records import Article, Line, Refund, Sale

NO_CATEGORY = "Uncategorised"

Report = dict[str, Any]
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def groups(things: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """The things that have one key in common, by that key."""
    found: dict[K, list[T]] = defaultdict(list)
    for thing in things:
        found[key(thing)].append(thing)
    return found


def revenue(sales: Iterable[Sale]) -> Decimal:
    return total(sale.total for sale in sales)


def taken(lines: Iterable[Line]) -> Decimal:
    """What lines brought, tax included."""
    return total(line.figures.total for line in lines)


def net(lines: Iterable[Line]) -> Decimal:
    """What lines brought without tax."""
    return total(line.net for line in lines)


def cost(lines: Iterable[Line]) -> Decimal:
    return total(line.cost for line in lines)


def profit(lines: Sequence[Line]) -> Decimal:
    return net(lines) - cost(lines)


def refunded_tax(refunds: Iterable[Refund]) -> Decimal:
    """Of each refund as much as the sale's total holds."""
    return total(
        share(refund.from_sale, refund.payment.sale.tax, refund.payment.sale.total) for refund in refunds
    )


def returned(refunds: Iterable[Refund]) -> Decimal:
    return total(refund.from_sale for refund in refunds)


def totals(sales: Sequence[Sale], refunds: Sequence[Refund]) -> Report:
    took = revenue(sales)
    return {
        "total_sales": money(took),
        "total_transactions": len(sales),
        "total_revenue": money(took),
        "total_tax": money(total(sale.tax for sale in sales)),
        "total_discount": money(total(sale.discount for sale in sales)),
        "total_refunds": money(returned(refunds)),
        "net_revenue": money(took - returned(refunds)),
        "average_sale": money(cents(Fraction(took) / len(sales)) if sales else NOTHING),
    }


def lines_of(sales: Iterable[Sale]) -> list[Line]:
    return [line for sale in sales for line in sale.lines]


def quantity(lines: Iterable[Line]) -> Decimal:
    return sum((line.quantity for line in lines), Decimal(0))


def by_article(
    lines: Iterable[Line], worth: Callable[[Sequence[Line]], Decimal]
) -> list[tuple[Article, list[Line]]]:
    """Products with their lines, the worthiest first, the elder of two that are worth the same."""
    found = groups(lines, lambda line: line.article.id)
    ids = sorted(found, key=lambda id: (-worth(found[id]), id))
    return [(found[id][0].article, found[id]) for id in ids]


def by_category(
    lines: Iterable[Line], worth: Callable[[Sequence[Line]], Decimal]
) -> list[tuple[str, list[Line]]]:
    """The same for the categories, by the names that they had when the goods were sold."""
    found = groups(lines, lambda line: line.category)
    names = sorted(found, key=lambda name: (-worth(found[name]), name))
    return [(name or NO_CATEGORY, found[name]) for name in names]


def top_products(lines: Iterable[Line], limit: int) -> list[Report]:
    return [
        {
            "product": article.id,
            "product_name": article.name,
            "quantity_sold": quantity(sold),
            "total_revenue": money(taken(sold)),
        }
        for article, sold in by_article(lines, taken)[:limit]
    ]


def top_categories(lines: Iterable[Line], limit: int) -> list[Report]:
    return [
        {"category_name": name, "quantity_sold": quantity(sold), "total_revenue": money(taken(sold))}
        for name, sold in by_category(lines, taken)[:limit]
    ]


def product_profit(lines: Iterable[Line], limit: int) -> list[Report]:
    return [
        {
            "product": article.id,
            "product_name": article.name,
            "quantity_sold": quantity(sold),
            **earned(sold),
        }
        for article, sold in by_article(lines, profit)[:limit]
    ]


def category_profit(lines: Iterable[Line]) -> list[Report]:
    return [{"category_name": name, **earned(sold)} for name, sold in by_category(lines, profit)]


def earned(lines: Sequence[Line]) -> Report:
    return {
        "revenue": money(net(lines)),
        "cost": money(cost(lines)),
        "profit": money(profit(lines)),
        "margin": money(percent(profit(lines), net(lines))),
    }


def tax_rates(lines: Iterable[Line]) -> list[Report]:
    rates = groups(lines, lambda line: line.rate)
    return [
        {
            "rate": money(rate),
            "total": money(taken(rates[rate])),
            "net": money(net(rates[rate])),
            "tax": money(total(line.figures.tax for line in rates[rate])),
        }
        for rate in sorted(rates, reverse=True)
    ]


def cancelled_data(sales: Sequence[Sale]) -> Report:
    return {"count": len(sales), "total": money(revenue(sales))}


def receipts(sales: Iterable[Sale]) -> Report:
    """The first and the last of a day."""
    numbers = [sale.receipt for sale in sales if sale.receipt]
    return {
        "first": f"{min(numbers):06d}" if numbers else None,
        "last": f"{max(numbers):06d}" if numbers else None,
    }
