"""What the reports on a period must say, worked out from the independent books."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from tests.journeys.month.arithmetic import percent, total
from tests.journeys.month.books import Books
from tests.journeys.month.days import Facts, Span
from tests.journeys.month.records import LABELS, Sale
from tests.journeys.month.sums import (
    Report,
    cancelled_data,
    category_profit,
    cost,
    groups,
    lines_of,
    money,
    net,
    product_profit,
    profit,
    receipts,
    refunded_tax,
    returned,
    revenue,
    tax_rates,
    top_categories,
    top_products,
    totals,
)

TOP = 10
TOP_PROFIT = 50


@dataclass(frozen=True)
class Expected:
    """The reports of one moment."""

    books: Books
    facts: Facts
    now: datetime
    currency: str = "KES"

    def heading(self, span: Span) -> Report:
        return {"start": str(span.first), "end": str(span.last), "currency": self.currency}

    def sales(self, span: Span) -> Report:
        sales = self.facts.sales_of(span)
        return {
            **self.heading(span),
            **totals(sales, self.facts.refunds_of(span)),
            "payment_methods": self._methods(span),
            "sales_by_cashier": [row for _, row in self._cashiers(span)],
            "top_products": top_products(lines_of(sales), TOP),
            "top_categories": top_categories(lines_of(sales), TOP),
            "hourly_sales": self._hours(sales),
            "chart_data": self._chart(span, sales),
        }

    def profit(self, span: Span) -> Report:
        lines = lines_of(self.facts.sales_of(span))
        refunds = self.facts.refunds_of(span)
        gone = returned(refunds) - refunded_tax(refunds)
        return {
            **self.heading(span),
            "total_revenue": money(net(lines)),
            "total_cost": money(cost(lines)),
            "total_tax": money(total(line.figures.tax for line in lines)),
            "total_discount": money(total(line.figures.discount for line in lines)),
            "gross_profit": money(profit(lines)),
            "profit_margin": money(percent(profit(lines), net(lines))),
            "total_refunds": money(gone),
            "net_profit": money(profit(lines) - gone),
            "product_profit": product_profit(lines, TOP_PROFIT),
            "category_profit": category_profit(lines),
            "chart_data": [self._profit_of(day) for day in span],
        }

    def day_end(self, day: date) -> Report:
        span = Span(day, day)
        sales, refunds = self.facts.sales_of(span), self.facts.refunds_of(span)
        return {
            "date": str(day),
            **self.heading(span),
            "is_closed": day < self.facts.day(self.now),
            **totals(sales, refunds),
            "tax_rates": tax_rates(lines_of(sales)),
            "payment_methods": self._methods(span),
            "refunds": {
                "count": len(refunds),
                "total": money(returned(refunds)),
                "tax": money(refunded_tax(refunds)),
            },
            "cancelled_sales": cancelled_data(self.facts.cancelled_of(span)),
            "sales_by_cashier": [self._with_cancelled(span, id, row) for id, row in self._cashiers(span)],
            "receipts": receipts(sales),
            "cash_drawer": self._drawer(day),
        }

    def _methods(self, span: Span) -> list[Report]:
        payments = [
            payment
            for sale in self.facts.sales_of(span)
            for payment in sale.payments
            if payment.applied  # nothing of it may have been for this sale
        ]
        paid = groups(payments, lambda payment: payment.method)
        back = groups(self.facts.refunds_of(span), lambda refund: refund.method)
        sums = {
            method: total(payment.applied for payment in paid.get(method, [])) for method in {*paid, *back}
        }
        return [
            {
                "method": method,
                "label": LABELS[method],
                "total": money(sums[method]),
                "count": len(paid.get(method, [])),
                "refunds": len(back.get(method, [])),
                "total_refunds": money(returned(back.get(method, []))),
            }
            for method in sorted(sums, key=lambda method: (-sums[method], method))
        ]

    def _cashiers(self, span: Span) -> list[tuple[int, Report]]:
        """Whoever sold, or whose sales were refunded or cancelled."""
        sold = groups(self.facts.sales_of(span), lambda sale: sale.cashier)
        back = groups(self.facts.refunds_of(span), lambda refund: refund.payment.sale.cashier)
        cancelled = groups(self.facts.cancelled_of(span), lambda sale: sale.cashier)
        ids = sorted({*sold, *back, *cancelled}, key=lambda id: (-revenue(sold.get(id, [])), id))
        return [
            (
                id,
                {
                    "cashier": id,
                    "cashier_name": self.books.people[id],
                    **totals(sold.get(id, []), back.get(id, [])),
                },
            )
            for id in ids
        ]

    def _with_cancelled(self, span: Span, id: int, row: Report) -> Report:
        refunds = [r for r in self.facts.refunds_of(span) if r.payment.sale.cashier == id]
        cancelled = [sale for sale in self.facts.cancelled_of(span) if sale.cashier == id]
        return {**row, "refunds": len(refunds), "cancelled_sales": cancelled_data(cancelled)}

    def _hours(self, sales: Iterable[Sale]) -> list[Report]:
        hours = groups(sales, lambda sale: self.facts.local(sale.completed or self.now).hour)
        return [
            {"hour": hour, "sales_count": len(found), "revenue": revenue(found)}
            for hour in range(24)
            for found in [hours.get(hour, [])]
        ]

    def _chart(self, span: Span, sales: Iterable[Sale]) -> list[Report]:
        if span.first == span.last:
            return [{"hour": row["hour"], "sales": row["revenue"]} for row in self._hours(sales)]
        return [{"date": str(day), "sales": revenue(self.facts.sales.get(day, []))} for day in span]

    def _profit_of(self, day: date) -> Report:
        lines = lines_of(self.facts.sales.get(day, []))
        return {"date": str(day), "revenue": net(lines), "cost": cost(lines), "profit": profit(lines)}

    def _drawer(self, day: date) -> Report:
        """What cash came in and went out on the day, whatever became of its sale."""
        came = total(
            payment.amount
            for payment in self.books.payments
            if payment.method == "cash" and payment.settled and self.facts.day(payment.settled) == day
        )
        went = total(
            refund.amount
            for refund in self.books.refunds
            if refund.method == "cash" and refund.paid_out and self.facts.day(refund.paid_out) == day
        )
        return {"received": money(came), "refunded": money(went), "expected": money(came - went)}
