"""The shop of the month: opened the day before, and lived through to the last moment of the last day."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from conftest import make_user
from payments.simulator import Simulator
from tests.journeys.month.books import Books
from tests.journeys.month.catalogue import Catalogue
from tests.journeys.month.customers import Customers
from tests.journeys.month.days import Span
from tests.journeys.month.diary import Diary
from tests.journeys.month.goods import goods
from tests.journeys.month.refunding import Refunding
from tests.journeys.month.shelves import fill_shelves
from tests.journeys.month.shop import Shop
from tests.journeys.month.stories import Stories
from tests.journeys.month.visits import LAST_MOMENT, Visit, day_start
from tests.journeys.month.wire import Clock, Wire, signed_in

PEOPLE = {
    "amina": ("admin", "Amina", "Admin"),
    "wafula": ("admin", "Wafula", ""),
    "otieno": ("cashier", "Otieno", "Till"),
    "wanjiru": ("cashier", "Wanjiru", ""),
    "kamau": ("cashier", "", ""),
}


def opened(clock: Clock, settings: Any, days: Span, zone: ZoneInfo) -> Shop:
    """A shop with its people, the day before."""
    settings.TIME_ZONE = str(zone)
    clock.now = day_start(days.first, zone) - timedelta(hours=8)
    people = {
        name: make_user(name, role, first_name=first, last_name=last)
        for name, (role, first, last) in PEOPLE.items()
    }
    names = {
        person.pk: f"{person.first_name} {person.last_name}".strip() or name
        for name, person in people.items()
    }
    wire = Wire(clock, {name: signed_in(person) for name, person in people.items()})
    books = Books(prices_include_tax=settings.PRICES_INCLUDE_TAX, people=names)
    return Shop(clock, wire, books, {name: person.pk for name, person in people.items()})


def lived(
    shop: Shop, planned: Sequence[Visit], days: Span, zone: ZoneInfo, simulator: Simulator | None
) -> None:
    """All days, to the last moment of the last."""
    diary = Diary(shop.clock)
    begins = day_start(days.first, zone)
    ends = day_start(days.last + timedelta(days=1), zone) - LAST_MOMENT
    needed = {item.sku for visit in planned for item in visit.items}
    on_sale = [good for good in goods() if simulator or good.sku in needed]
    Catalogue(shop, fill_shelves(shop, on_sale, planned)).note_changes(diary, begins, ends)
    customers = Customers(shop, simulator) if simulator else None
    stories = Stories(shop, diary, Refunding(shop, diary, customers), customers)
    for visit in planned:
        diary.note(visit.when, partial(stories.tell, visit))
    diary.live(ends)
