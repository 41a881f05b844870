"""What no field of the shop may hold: a card number. Cards are typed on the gateway's page and nowhere else."""

import re
import unicodedata
from collections.abc import Iterator

REFUSED = "This looks like a card number. Never type one here; use the card page."
# No text field takes more; what is longer is refused for its length.
MAX_TEXT = 5_000
# Groups of digits with whatever people and readers of cards put between them. A letter may touch the first and the
# last: `%B4111...` is what a swiped card types.
_RUN = re.compile(r"[0-9]+(?:[^0-9A-Za-z]{1,3}[0-9]+)*", re.ASCII)
_GROUP = re.compile(r"[0-9]+", re.ASCII)
# Brand prefixes and lengths of the card schemes, Verve included; `payments.redaction` blanks the same ones.
_CARD = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35\d{14}|6(?:011|4[4-9]\d|5\d{2})\d{12,15}|62\d{14,17}|50[67]\d{13}|50[67]\d{15,16})",
    re.ASCII,
)


def card_number_in(text: str) -> bool:
    """Whether `text` holds a card number by brand, length and check digit, in any of the ways people write one."""
    return any(
        _is_card(digits) for run in _RUN.findall(_plain(text[:MAX_TEXT])) for digits in _candidates(run)
    )


def _plain(text: str) -> str:
    """With the digits of all scripts as 0 to 9, and without what is not seen."""
    if text.isascii():
        return text
    seen = (letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    return "".join(str(unicodedata.digit(letter, letter)) for letter in seen)


def _candidates(run: str) -> Iterator[str]:
    """In one piece, by single digits or pairs, or in groups of which the first has four: so cards are printed.

    Other groupings are phone numbers, dates and amounts beside each other.
    """
    groups = _GROUP.findall(run)
    for first in range(len(groups)):
        digits = ""
        for group in groups[first : first + 19]:
            digits += group
            if len(digits) > 19:
                break
            if len(digits) >= 13 and (group == digits or len(groups[first]) in (1, 2, 4)):
                yield digits


def _is_card(digits: str) -> bool:
    return bool(_CARD.fullmatch(digits)) and _check_digit_fits(digits)


def _check_digit_fits(digits: str) -> bool:
    """Luhn's: every second digit from the right counts double."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
