"""How sales, payments and products must look in the API, worked out from the independent books."""

from tests.journeys.month.arithmetic import NOTHING, total
from tests.journeys.month.records import Article, Line, Payment, Sale
from tests.journeys.month.sums import Report, money


def sale_shown(sale: Sale) -> Report:
    """But for the names of people, the moments and the payments."""
    return {
        "id": sale.id,
        "sale_number": sale.number,
        "receipt_number": sale.receipt and f"{sale.receipt:06d}",
        "cashier": sale.cashier,
        "subtotal": money(total(line.figures.subtotal for line in sale.lines)),
        "tax_amount": money(sale.tax),
        "discount": money(sale.discount),
        "total": money(sale.total),
        "amount_paid": money(sale.paid),
        "amount_refunded": money(sale.back),
        "balance_due": money(NOTHING if sale.cancelled else sale.due),
        "change": money(sale.change),
        "status": sale.status,
        "payment_status": sale.payment_status,
        "payment_method": " + ".join(sale.labels) or "N/A",
    }


def line_shown(line: Line) -> Report:
    return {
        "product": line.article.id,
        "product_name": line.name,
        "product_barcode": line.article.barcode,
        "product_sku": line.article.sku,
        "unit_price": money(line.price),
        "quantity": line.quantity,
        "tax_rate": money(line.rate),
        "discount": money(line.figures.discount),
        "subtotal": money(line.figures.subtotal),
        "tax_amount": money(line.figures.tax),
        "total": money(line.figures.total),
        "cost_price": money(line.unit_cost),
    }


def payment_shown(payment: Payment) -> Report:
    """The state of one that is still open is the gateway's affair."""
    shown = {
        "id": payment.id,
        "sale": payment.sale.id,
        "method": payment.method,
        "amount": money(payment.amount),
        "amount_refunded": money(payment.back),
    }
    if payment.settled:
        shown["status"] = "refunded" if payment.back == payment.amount else "success"
    elif payment.state != "open":
        shown["status"] = payment.state
    return shown


def article_shown(article: Article) -> Report:
    return {
        "id": article.id,
        "name": article.name,
        "category_name": article.category or None,
        "barcode": article.barcode,
        "sku": article.sku,
        "price": money(article.price),
        "cost_price": money(article.cost),
        "tax": money(article.rate),
        "stock": article.stock,
        "low_stock_threshold": article.threshold,
        "is_active": article.active,
        "is_low_stock": article.is_low,
    }
