"""What Swagger says about the reports."""

_WHEN = """\
A sale counts on the day of the shop (`TIME_ZONE`) on which it completed, a refund on the day on which it was \
paid out, a cancellation on its own day. So a past day never changes. Today is read live."""
_MONEY = """\
Amounts are strings with two decimals in the shop's currency, quantities numbers in the product's unit; what is meant \
for charts (`chart_data` and the like) carries plain numbers."""

SALES = f"""\
What was sold, by whom, when, and how it was paid.

{_WHEN} `total_revenue` is what customers owed for the sales, tax included and after discounts; `total_refunds` is \
what went back in the period, whenever it had been sold; `net_revenue` = `total_revenue` - `total_refunds`.

`payment_methods` adds up to `total_revenue`, `sales_by_cashier` and `hourly_sales` do, too. A refund stands with the \
cashier who made the sale, and with the method by which it was paid out. `top_products` and `top_categories` are the \
ten that brought most.

{_MONEY} `chart_data` has an entry for each hour when the period is one day, else for each day.

`export=csv` and `export=xlsx` answer with a file named `sales-<start>-<end>`, with every day, hour, category and \
product; `export=html` with a page for the printer."""

PROFIT = f"""\
What the sold goods earned: revenue without tax, less what the goods had cost when they were sold.

{_WHEN} `gross_profit` = `total_revenue` - `total_cost`; `profit_margin` is its share of `total_revenue` in percent. \
Refunds name no goods, so they stand beside the goods: `total_refunds` is what was paid out, without the tax in it, \
and `net_profit` = `gross_profit` - `total_refunds`. `product_profit` has the 50 products that earned most, \
`category_profit` all categories, by the names they had then.

{_MONEY}

`export=csv` and `export=xlsx` answer with a file named `profit-<start>-<end>`, with every day, category and product."""

INVENTORY = f"""\
What is on the shelves now, and what it is worth: active products only, each to the cent, at cost (`total_value`, \
`total_stock_value`) and at the price of today (`total_retail_value`).

`low_stock_count` counts products at or below their threshold, those without stock among them. `low_stock_items` are \
the 50 that lack most, `recent_movements` the newest ten, `active_alerts` the newest 50.

{_MONEY}

`export=csv` and `export=xlsx` answer with a file named `inventory-<today>`, with every active product."""

DAY_END = f"""\
The day's summary, to be compared with the drawer and signed: sales, tax by rate, payment methods, refunds, discounts, \
cancelled sales, each cashier's part, the receipt numbers, and the cash that the drawer should hold more than in the \
morning.

{_WHEN} `cash_drawer` is what went through the drawer on this day, also for sales that completed on another one: \
`expected` = `received` - `refunded`. `is_closed` says whether the day is over; before, figures still grow.

{_MONEY}

`export=csv` and `export=xlsx` answer with a file named `day-end-<date>`, with the hours besides; `export=html` with a \
page for the printer."""

DASHBOARD = f"""\
Today at a glance, and the last 30 days (`month_revenue`), seven of them as `sales_chart`.

A cashier sees their own sales only, an administrator everybody's or, with `cashier`, one person's. `total_products` \
and `low_stock` are the shop's. `top_products` are the month's; those of one person are the day's.

{_WHEN}

{_MONEY}

`export=csv` and `export=xlsx` answer with a file named `dashboard-<today>`."""

DATE = "The day, such as 2026-11-22; today unless given. Days follow the shop's time zone."
CASHIER = "Id of a person whose sales are shown. Cashiers see their own, whether they name themselves or not."
NO_PERIOD = (
    "Without effect, because this is about the present; one that the other reports would refuse is refused."
)
