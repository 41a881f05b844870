"""Makes up the past of a shop that has none."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.utils import timezone

from apps.products.models import Product
from apps.sales.models import Sale
from pos_backend.history import catalogue
from pos_backend.history.books import Books
from pos_backend.history.copying import begin, copy
from pos_backend.history.errors import CannotBeMade
from pos_backend.history.finishing import bring_stock_up, finish
from pos_backend.history.goods import goods
from pos_backend.history.ids import Ids, hand_back_ids, take_up_ids
from pos_backend.history.keys import set_aside
from pos_backend.history.people import Staff, staff
from pos_backend.history.rhythm import at, days, spread_sales
from pos_backend.history.rows import Pages
from pos_backend.history.shelves import Shelves
from pos_backend.history.till import Till

BIG = ["sales_sale", "sales_saleitem", "payments_payment", "payments_refund", "inventory_movement"]
CUSTOMERS_A_PAGE, PRODUCTS_A_PAGE = 4_000, 5_000
MOST_DAYS = 36_525
GOODS_ARRIVE = 5  # o'clock on the first day

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Wish:
    """So many sales on so many days, the last of them that of `until`; the same seed gives the same history."""

    sales: int
    days: int
    seed: int
    until: datetime
    products: int | None = None


def make_history(wish: Wish, progress: Progress) -> None:
    """Fills a shop that has not sold anything yet. Call inside a transaction.

    Raises `CannotBeMade`.
    """
    begin()
    _check(wish)
    # Not for secrets: the same history for the same seed is what is wanted.
    random = Random(wish.seed)  # noqa: S311
    opened = days(timezone.localtime(wish.until).date() - timedelta(days=wish.days - 1), wish.until)
    since = at(opened[0].date, GOODS_ARRIVE)
    people, ids, pages = staff(since), take_up_ids(), Pages()
    counts = spread_sales(wish.sales, opened, random)
    if not Product.objects.exists():
        _stock(wish, pages, ids, people, since, random)
    sold = catalogue.assortment(wish.sales, wish.days, random)
    books = Books(pages, ids, people, random)
    till = Till(books, Shelves(sold, pages, people, ids, random), people, ids, random)
    with set_aside(BIG):
        copy(pages.torn_off(till.serve(opened, counts, wish.until), CUSTOMERS_A_PAGE, progress))
    hand_back_ids(ids)
    finish(sold, books.receipt, books.last_completion, wish.until)


def _check(wish: Wish) -> None:
    if wish.days > MOST_DAYS:
        raise CannotBeMade(f"At most {MOST_DAYS:,} days can be made up.")
    if Sale.objects.exists():
        raise CannotBeMade("This shop has sales already: a made-up past would lie between its receipts.")
    if wish.products is not None and Product.objects.exists():
        raise CannotBeMade("This shop has products already, and they are what is sold. Leave out --products.")


def _stock(wish: Wish, pages: Pages, ids: Ids, people: Staff, since: datetime, random: Random) -> None:
    stocked = goods(wish.products or catalogue.SELLING, random)
    writing = catalogue.made_up(stocked, catalogue.put_up_shelves(since), pages, ids, people, since, random)
    copy(pages.torn_off(writing, PRODUCTS_A_PAGE, lambda _: None))
    bring_stock_up()
