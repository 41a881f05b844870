"""One number, one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products.barcodes import lookup_key


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
