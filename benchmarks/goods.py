"""What stands on the shelves of every shop here, ours and the peers': the same goods in every run. No Django."""

from dataclasses import dataclass
from decimal import Decimal

SHELVES = 20
BATCH = 1000  # rows written by one statement
TAXES = (Decimal("16.00"), Decimal("16.00"), Decimal("0.00"))
WORDS = ("Maziwa", "Mkate", "Sukari", "Chai", "Unga", "Sabuni", "Maji", "Mchele", "Chumvi", "Kahawa")


@dataclass(frozen=True)
class Item:
    """What a till knows of a product."""

    id: int
    barcode: str


def name_of(number: int) -> str:
    return f"{WORDS[number % len(WORDS)]} {number}"


def price_of(number: int) -> Decimal:
    """From 10.00 to 499.99."""
    return Decimal(1000 + number * 7919 % 49_000) / 100


def ean13(number: int) -> str:
    """The EAN-13 of a Kenyan producer (616) with this number."""
    digits = f"616{number:09d}"
    weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"
