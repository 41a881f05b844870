"""What a basket costs, by the arithmetic of the tills; what comes up again is worked out once."""

from decimal import Decimal
from random import Random

from django.conf import settings

from apps.core import money
from apps.sales import totals
from apps.sales.totals import PricedLine, Totals
from pos_backend.history.baskets import endless
from pos_backend.history.shelves import Goods, Product

# What is taken off, in percent; most pay the price on the shelf.
SALE_DISCOUNTS = {Decimal(0): 96, Decimal(5): 4}
LINE_DISCOUNTS = {Decimal(0): 97, Decimal(10): 3}


class PriceTag:
    """Prices baskets and decides who gets a discount."""

    def __init__(self, random: Random) -> None:
        self._sale_discounts = endless(SALE_DISCOUNTS, random)
        self._line_discounts = endless(LINE_DISCOUNTS, random)

    def price(self, goods: Goods) -> tuple[Totals, list[str]]:
        """The sale's totals, and its lines as they are copied, without the ids in front."""
        on_sale = min(next(self._sale_discounts), settings.CASHIER_MAX_DISCOUNT_PERCENT)
        on_first = min(next(self._line_discounts), settings.CASHIER_MAX_DISCOUNT_PERCENT)
        if on_sale or on_first:
            # Not both: a cashier may give only so much of the whole.
            lines = self._discounted(goods, on_sale, Decimal(0) if on_sale else on_first)
        else:
            lines = [product.tails.get(quantity) or _plain(product, quantity) for product, quantity in goods]
        return totals.sale_totals([amounts for _, amounts in lines]), [tail for tail, _ in lines]

    def _discounted(self, goods: Goods, on_sale: Decimal, on_first: Decimal) -> list[tuple[str, Totals]]:
        priced = [PricedLine(p.price, quantity, p.tax) for p, quantity in goods]
        first = priced[0]
        off = money.round_money(first.unit_price * first.quantity * on_first // 100)
        priced[0] = PricedLine(first.unit_price, first.quantity, first.tax_rate, off)
        worth = sum((line.unit_price * line.quantity for line in priced), money.ZERO)
        amounts, _ = totals.line_totals(
            priced,
            money.round_money(worth * on_sale // 100),
            prices_include_tax=settings.PRICES_INCLUDE_TAX,
        )
        return [
            (_tail(product, quantity, line), line)
            for (product, quantity), line in zip(goods, amounts, strict=True)
        ]


def _plain(product: Product, quantity: Decimal) -> tuple[str, Totals]:
    (amounts,), _ = totals.line_totals(
        [PricedLine(product.price, quantity, product.tax)],
        money.ZERO,
        prices_include_tax=settings.PRICES_INCLUDE_TAX,
    )
    product.tails[quantity] = _tail(product, quantity, amounts), amounts
    return product.tails[quantity]


def _tail(product: Product, quantity: Decimal, line: Totals) -> str:
    return (
        f"{product.texts}\t{product.price}\t{product.cost}\t{quantity}\t{product.tax}"
        f"\t{line.discount}\t{line.subtotal}\t{line.tax_amount}\t{line.total}\n"
    )
