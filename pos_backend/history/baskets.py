"""What a basket holds: its size, and which goods in which quantity."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import TypeVar

from pos_backend.demo.week import QUANTITIES

# So many of the 9,835 baskets of the "Groceries" set hold 1, 2, ... different goods
# (pos_backend/demo/ATTRIBUTION.md names the source). On average 4.41.
SIZES = {
    1: 2159, 2: 1643, 3: 1299, 4: 1005, 5: 855, 6: 645, 7: 545, 8: 438, 9: 350, 10: 246, 11: 182,
    12: 117, 13: 78, 14: 77, 15: 55, 16: 46, 17: 29, 18: 14, 19: 14, 20: 9, 21: 11, 22: 4, 23: 6,
    24: 1, 26: 1, 27: 1, 28: 1, 29: 3, 32: 1,
}  # fmt: skip
AVERAGE_SIZE = sum(size * count for size, count in SIZES.items()) / sum(SIZES.values())
AVERAGE_QUANTITY = sum(number * weight for number, weight in QUANTITIES.items()) / sum(QUANTITIES.values())
# The goods of rank r are bought in proportion to (r + FLAT) ** -STEEP: of 5,000 products the best 300 make two
# thirds of the lines, and none more than 2 %.
FLAT, STEEP = 11, 1.1
# Loose goods are weighed: 100 g to 2.5 kg on a scale that shows 5 g.
WEIGHTS = (20, 500)
SCALE = Decimal("0.005")
DRAWN_AT_ONCE = 50_000

T = TypeVar("T")


def endless(weights: dict[T, int] | dict[T, float], random: Random) -> Iterator[T]:
    """Draws by weight for ever; many at once, which is several times as fast."""
    choices, reached = list(weights), list(accumulate(weights.values()))
    while True:
        yield from random.choices(choices, cum_weights=reached, k=DRAWN_AT_ONCE)


def popularity(ranks: int) -> list[float]:
    """The share of all lines that each rank has, the most popular first."""
    weights = [(rank + FLAT) ** -STEEP for rank in range(ranks)]
    whole = sum(weights)
    return [weight / whole for weight in weights]


class Baskets:
    """Draws goods by their rank and how much of each, in pieces or by weight."""

    def __init__(self, goods: int, random: Random) -> None:
        self.most = max(1, goods // 2)
        self._random = random
        self._sizes = endless(SIZES, random)
        self._ranks = endless(dict(enumerate(popularity(goods))), random)
        self._pieces = endless({Decimal(number): weight for number, weight in QUANTITIES.items()}, random)

    def size(self) -> int:
        return min(next(self._sizes), self.most)

    def rank(self) -> int:
        return next(self._ranks)

    def quantity(self, *, weighed: bool) -> Decimal:
        return self._random.randint(*WEIGHTS) * SCALE if weighed else next(self._pieces)


def one_of(choices: Sequence[T], random: Random) -> T:
    return choices[int(random.random() * len(choices))]
