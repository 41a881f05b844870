"""Names, shelves, prices and taxes of a made-up catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count, islice, product
from random import Random

from pos_backend.history.errors import CannotBeMade

MOST = 1_000_000
# What is sold by the kilogram says so at the end of its name.
LOOSE = ", kg"
STANDARD, REDUCED, FREE = Decimal("16.00"), Decimal("8.00"), Decimal("0.00")
MAKERS = (
    "Acacia", "Baobab", "Boma", "Chui", "Daima", "Duma", "Fahari", "Farasi", "Hodari", "Imara", "Jambo",
    "Jirani", "Jua", "Kijani", "Kifaru", "Kilele", "Malkia", "Mawingu", "Mwezi", "Ndege", "Ndovu", "Neema",
    "Nuru", "Nyota", "Pendo", "Pwani", "Rafiki", "Rahisi", "Safi", "Simba", "Tausi", "Tamu", "Twiga", "Uhai",
    "Umoja", "Upendo", "Wimbi", "Zawadi",
)  # fmt: skip
LINES = (
    "",
    "Extra ",
    "Premium ",
    "Family ",
    "Classic ",
    "Gold ",
    "Fresh ",
    "Value ",
    "Special ",
    "Original ",
)


@dataclass(frozen=True)
class Shelf:
    """`kinds` with the price of the usual size in whole units of the currency; `sizes` with their share of it."""

    name: str
    tax: Decimal
    kinds: dict[str, int]
    sizes: dict[str, float]


LITRES = {"250 ml": 0.6, "500 ml": 1, "1 l": 1.8, "2 l": 3.3, "5 l": 7.5}
GRAMS = {"100 g": 0.5, "250 g": 1, "500 g": 1.8, "1 kg": 3.3, "2 kg": 6.2}
PACKS = {"single": 1, "pack of 3": 2.7, "pack of 6": 5.2, "pack of 12": 9.8}
SHELVES = (
    Shelf("Bakery", FREE, {"White Bread": 65, "Brown Bread": 70, "Chapati": 20, "Buns": 50, "Rusks": 90}, PACKS),
    Shelf("Dairy", FREE, {"Milk": 60, "Mala": 70, "Yoghurt": 75, "Cream": 150, "Ghee": 320}, LITRES),
    Shelf("Flour and Grains", FREE, {"Maize Flour": 55, "Wheat Flour": 60, "Rice": 75, "Beans": 80}, GRAMS),
    Shelf("Fruit and Vegetables", FREE, {
        "Tomatoes": 90, "Onions": 110, "Potatoes": 70, "Bananas": 120, "Mangoes": 150, "Sukuma Wiki": 60,
    }, {LOOSE: 1}),
    Shelf("Meat and Fish", FREE, {"Beef": 580, "Goat": 650, "Chicken": 520, "Tilapia": 450}, {LOOSE: 1}),
    Shelf("Cooking", STANDARD, {"Cooking Oil": 180, "Vinegar": 95, "Soy Sauce": 140, "Ketchup": 160}, LITRES),
    Shelf("Sugar and Spice", STANDARD, {"Sugar": 45, "Salt": 20, "Pilau Masala": 85, "Curry": 70}, GRAMS),
    Shelf("Tea and Coffee", STANDARD, {"Tea Leaves": 95, "Instant Coffee": 280, "Cocoa": 220}, GRAMS),
    Shelf("Drinks", STANDARD, {"Water": 30, "Cola": 55, "Orange Juice": 95, "Ginger Ale": 60}, LITRES),
    Shelf("Snacks", STANDARD, {"Crisps": 60, "Peanuts": 85, "Biscuits": 45, "Chocolate": 120}, GRAMS),
    Shelf("Cleaning", STANDARD, {"Bleach": 85, "Dish Soap": 110, "Floor Polish": 230}, LITRES),
    Shelf("Laundry", STANDARD, {"Washing Powder": 75, "Bar Soap": 60, "Softener": 90}, GRAMS),
    Shelf("Personal Care", STANDARD, {"Toothpaste": 130, "Bath Soap": 70, "Lotion": 190, "Razor": 45}, PACKS),
    Shelf("Household", STANDARD, {"Matches": 10, "Candles": 25, "Batteries": 90, "Light Bulb": 150}, PACKS),
    Shelf("Fuel", REDUCED, {"Cooking Gas": 650, "Paraffin": 190}, {"1 kg": 1, "3 kg": 2.8, "6 kg": 5.4}),
)  # fmt: skip


@dataclass(frozen=True)
class Good:
    """One product: `price` as on the shelf, `cost` what it was bought for, both per unit."""

    name: str
    shelf: str
    price: Decimal
    cost: Decimal
    tax: Decimal
    threshold: Decimal


def goods(number: int, random: Random) -> list[Good]:
    """So many different ones. Raises `CannotBeMade` for more than a million."""
    if number > MOST:
        raise CannotBeMade(f"At most {MOST:,} products can be made up.")
    return [_good(name, shelf, usual, random) for name, shelf, usual in islice(_names(), number)]


def _names() -> Iterator[tuple[str, Shelf, float]]:
    """Each name with its shelf and usual price, in an order that fills all shelves alike; numbered when used up."""
    for turn in count(1):
        number = "" if turn == 1 else f" No. {turn}"
        for line, maker in product(LINES, MAKERS):
            for shelf in SHELVES:
                for (kind, price), (size, share) in product(shelf.kinds.items(), shelf.sizes.items()):
                    packed = size if size == LOOSE else f", {size}"
                    yield f"{maker} {line}{kind}{number}{packed}", shelf, price * share


def _good(name: str, shelf: Shelf, usual: float, random: Random) -> Good:
    price = Decimal(max(5, round(usual * random.uniform(0.85, 1.25))))
    share = Decimal(random.randint(68, 86)) / 100
    threshold = Decimal(random.choice((3, 5, 10, 10, 20)))
    return Good(name, shelf.name, price, (price * share).quantize(Decimal("0.01")), shelf.tax, threshold)
