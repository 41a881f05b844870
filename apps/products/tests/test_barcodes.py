"""One number, one key."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.products.barcodes import lookup_key
from apps.products.models import Product
from tests.figures import form, show

pytestmark = pytest.mark.long_form


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("6160640300008", "06160640300008"),  # EAN-13
        ("012345678905", "00012345678905"),  # UPC-A
        ("0012345678905", "00012345678905"),  # the same as EAN-13
        ("00012345678905", "00012345678905"),  # and as GTIN-14
        ("96385074", "00000096385074"),  # EAN-8
        ("16160640300005", "16160640300005"),  # a case of them is another number
        ("6160640300009", "6160640300009"),  # wrong check digit: no GTIN
        ("٦١٦٠٦٤٠٣٠٠٠٠٨", "٦١٦٠٦٤٠٣٠٠٠٠٨"),
        ("123", "123"),
        ("SHELF-7", "SHELF-7"),
        ("", ""),
    ],
)
def test_keys(code: str, key: str) -> None:
    assert lookup_key(code) == key


@given(st.text())
def test_any_text_has_a_key_that_is_its_own_key(code: str) -> None:
    assert lookup_key(lookup_key(code)) == lookup_key(code)


LENGTHS = (8, 12, 13, 14)
EXAMPLES = form(100, 10_000)
TRIED: Counter[int] = Counter()


def with_check_digit(digits: str) -> str:
    """By the rule of GS1: from the right, three times one digit, once the next."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-total % 10}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from(LENGTHS).flatmap(lambda length: st.text("0123456789", min_size=length, max_size=length))
)
def test_a_number_is_known_by_its_check_digit(code: str) -> None:
    TRIED[len(code)] += 1
    sound = with_check_digit(code[:-1])
    assert lookup_key(sound) == sound.zfill(14)
    assert lookup_key(code) == (code.zfill(14) if code == sound else code)


def test_enough_was_tried() -> None:
    if not TRIED:
        pytest.skip("the check digits were not tried")
    assert TRIED.total() >= EXAMPLES
    assert len(TRIED) == len(LENGTHS)
    extent = f"{TRIED.total():,} numbers, right and wrong"
    show("B6", "EAN-8, UPC-A, EAN-13 and GTIN-14 against GS1's rule", extent, "0 differ")


FOUND = ["{}", " {}", "{}\r", "{}\n", "{}\r\n", "{}\t", "\t{}\r\n", "0{}"]
LOOK_ALIKES = str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19")


@pytest.mark.django_db
def test_what_a_scanner_types_is_found_and_what_looks_alike_is_not(
    as_cashier: APIClient, shelf: Callable[..., Product]
) -> None:
    code = "6160640300008"
    milk = shelf("Milk", "60.00", stock=50, barcode=code)
    # The number of a label from the scales, with price or weight in it, is looked up as it stands.
    shelf("Ham", "60.00", barcode="2112345678900", sku="HAM")
    refused = [
        code.translate(LOOK_ALIKES),
        code[:-1] + "9",
        code[:-1] + "\u0668",
        f"{code}\u200b",
        code[1:],
        f"1{code}",
    ]
    for typed in (way.format(code) for way in FOUND):
        answer = as_cashier.post("/api/sales/sales/", {"items": [{"barcode": typed, "quantity": 1}]})
        assert (answer.status_code, answer.json()["items"][0]["product"]) == (201, milk.pk), typed
    for typed in [*refused, "2112345500003", f"{code}\0", "\0"]:
        answer = as_cashier.post("/api/sales/sales/", {"items": [{"barcode": typed, "quantity": 1}]})
        assert answer.status_code in (400, 404), typed
    for typed in refused:
        assert as_cashier.get(f"/api/products/barcode/{typed}/").status_code == 404, typed
    milk.refresh_from_db()
    assert (milk.barcode, milk.stock_level.quantity) == (code, 50 - len(FOUND))
    show(
        "B6",
        "what a scanner adds (spaces, tab, CR, LF, a leading 0); look-alikes, NUL, wrong and cut numbers",
        f"{len(FOUND)} and {len(refused) + 3} codes",
        "all found; none found. Labels with a weight or price in them are codes like others",
    )
