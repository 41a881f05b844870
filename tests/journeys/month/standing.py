"""What the dashboard and the inventory report must say, worked out from the independent books."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from tests.journeys.month.arithmetic import cents, total
from tests.journeys.month.days import Span
from tests.journeys.month.expected import Expected
from tests.journeys.month.records import Article, Move, Sale
from tests.journeys.month.sums import (
    NO_CATEGORY,
    Report,
    by_article,
    groups,
    lines_of,
    money,
    revenue,
    taken,
)

MONTH_DAYS = 30
CHART_DAYS = 7
TOP = 5
RECENT_SALES = 10
LOW_SHOWN = 50
RECENT_MOVES = 10


def dashboard(expected: Expected, cashier: int | None = None) -> Report:
    """Everybody's, or one person's own; the products that sold best of the month, for one person of the day."""
    books, facts = expected.books, expected.facts
    today = facts.day(expected.now)
    month = Span(today - timedelta(days=MONTH_DAYS - 1), today)
    sold = {day: _of(cashier, facts.sales.get(day, [])) for day in month}
    on_sale = [article for article in books.articles.values() if article.active]
    top = [sale for day in month for sale in sold[day]] if cashier is None else sold[today]
    return {
        "today_sales": money(revenue(sold[today])),
        "today_transactions": len(sold[today]),
        "month_revenue": money(sum((revenue(sales) for sales in sold.values()), Decimal("0.00"))),
        "total_products": len(on_sale),
        "low_stock": sum(article.is_low for article in on_sale),
        "pending_payments": sum(
            payment.state == "open" for sale in _of(cashier, books.sales) for payment in sale.payments
        ),
        "recent_sales": [
            _recent(expected, sale) for sale in reversed(_of(cashier, books.sales)[-RECENT_SALES:])
        ],
        "sales_chart": [{"date": str(day), "sales": revenue(sold[day])} for day in list(month)[-CHART_DAYS:]],
        "top_products": [
            {"product": article.id, "name": article.name, "sales": taken(lines)}
            for article, lines in by_article(lines_of(top), taken)[:TOP]
        ],
    }


def _of(cashier: int | None, sales: Sequence[Sale]) -> list[Sale]:
    return [sale for sale in sales if cashier in (None, sale.cashier)]


def _recent(expected: Expected, sale: Sale) -> Report:
    return {
        "id": sale.id,
        "sale_number": sale.number,
        "receipt_number": sale.receipt and f"{sale.receipt:06d}",
        "cashier_name": expected.books.people[sale.cashier],
        "total": money(sale.total),
        "status": sale.status,
        "payment_status": sale.payment_status,
        "payment_method": " + ".join(sale.labels) or "N/A",
        "created_at": expected.facts.iso(sale.made),
    }


def inventory(expected: Expected) -> Report:
    """What is on sale. Movements and alerts have no ids here, and the alerts stand in the order of their products."""
    on_sale = [article for article in expected.books.articles.values() if article.active]
    low = sorted(
        (article for article in on_sale if article.is_low),
        key=lambda article: (article.stock - article.threshold, article.id),
    )
    shelves = groups(on_sale, lambda article: article.category)
    names = sorted(shelves, key=lambda name: (-_value(shelves[name]), name))
    return {
        "currency": expected.currency,
        "total_products": len(on_sale),
        "total_value": money(_value(on_sale)),
        "total_stock_value": money(_value(on_sale)),
        "total_retail_value": money(_retail(on_sale)),
        "low_stock_count": len(low),
        "out_of_stock_count": sum(article.stock == 0 for article in on_sale),
        "low_stock_items": [_low(article) for article in low[:LOW_SHOWN]],
        "by_category": [_shelf(name, shelves[name]) for name in names],
        "category_distribution": [
            {"name": name or NO_CATEGORY, "value": _value(shelves[name])} for name in names
        ],
        "recent_movements": [
            _move(expected, move) for move in reversed(expected.books.moves[-RECENT_MOVES:])
        ],
        "active_alerts_count": len(expected.books.alerts),
        "active_alerts": [
            _alert(expected, article)
            for article in expected.books.articles.values()
            if article.sku in expected.books.alerts
        ],
    }


def _value(articles: Sequence[Article]) -> Decimal:
    return total(cents(article.cost * article.stock) for article in articles)


def _retail(articles: Sequence[Article]) -> Decimal:
    return total(cents(article.price * article.stock) for article in articles)


def _low(article: Article) -> Report:
    return {
        "id": article.id,
        "name": article.name,
        "sku": article.sku,
        "barcode": article.barcode,
        "category_name": article.category or None,
        "stock": article.stock,
        "low_stock_threshold": article.threshold,
    }


def _shelf(name: str, articles: Sequence[Article]) -> Report:
    return {
        "category_name": name or NO_CATEGORY,
        "product_count": len(articles),
        "total_stock": sum((article.stock for article in articles), Decimal(0)),
        "stock_value": money(_value(articles)),
        "retail_value": money(_retail(articles)),
        "low_stock_count": sum(article.is_low for article in articles),
    }


def _move(expected: Expected, move: Move) -> Report:
    return {
        "id": None,
        "product": move.article.id,
        "product_name": move.article.name,
        "movement_type": move.kind,
        "quantity": move.quantity,
        "stock_before": move.before,
        "stock_after": move.before + move.quantity,
        "reference_number": move.reference,
        "created_by": move.by,
        "created_by_name": None if move.by is None else expected.books.people[move.by],
        "created_at": expected.facts.iso(move.at),
    }


def _alert(expected: Expected, article: Article) -> Report:
    return {
        "id": None,
        "product": article.id,
        "product_name": article.name,
        "product_barcode": article.barcode,
        "current_stock": article.stock,
        "threshold": article.threshold,
        "status": "active",
        "created_at": expected.facts.iso(expected.books.alerts[article.sku]),
    }
