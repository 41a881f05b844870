"""Phone numbers as cashiers type them."""

from collections import Counter

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.phone import NotAMobileNumber, mobile_number
from tests.figures import form, show

pytestmark = pytest.mark.long_form

EXAMPLES = form(200, 10_000)
TRIED: Counter[bool] = Counter()


@pytest.mark.parametrize(
    "typed",
    [
        "0712345678",
        "0712 345 678",
        "0712-345-678",
        "(0712) 345.678",
        "712345678",
        "+254712345678",
        "+254 712 345 678",
        "254712345678",
        "  0712345678 \n",
        "+254 0712 345678",
    ],
)
def test_one_number_in_many_spellings(typed: str) -> None:
    assert mobile_number(typed) == "254712345678"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0733123456", "254733123456"),  # Airtel
        ("0101234567", "254101234567"),
        ("0110123456", "254110123456"),
        ("0799999999", "254799999999"),
    ],
)
def test_all_networks(typed: str, number: str) -> None:
    assert mobile_number(typed) == number


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "0712",
        "071234567",
        "07123456789",
        "0202345678",  # a landline in Nairobi
        "0800723253",
        "+255712345678",
        "+256733123456",
        "+14155552671",
        "0712345abc",
        "0712345678 ext. 5",
        "tel:0712345678",
        "٠٧١٢٣٤٥٦٧٨",
        "０７１２３４５６７８",
        "0712345678\x00",
        "07123\n45678",
        "++254712345678",
        "0" * 5000,
    ],
)
def test_what_is_no_kenyan_mobile_number(typed: str) -> None:
    with pytest.raises(NotAMobileNumber, match="0712 345 678"):
        mobile_number(typed)


@given(st.text() | st.from_regex(r"\A\+?[0-9() .\-/]{9,20}\Z"))
def test_any_text_is_a_number_or_refused(typed: str) -> None:
    try:
        number = mobile_number(typed)
    except NotAMobileNumber:
        return
    assert len(number) == 12
    assert number.startswith(("2547", "2541"))
    assert number.isascii()
    assert number.isdigit()
    assert mobile_number(number) == number
    assert mobile_number(f"+{number}") == number


WAYS = (
    "0{0}{1}{2}",
    "{0}{1}{2}",
    "+254{0}{1}{2}",
    "254{0}{1}{2}",
    "0{0} {1} {2}",
    "0{0}-{1}-{2}",
    "+254 {0} {1} {2}",
)
MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from("71248") | st.just("7"),
    st.text("0123456789", min_size=8, max_size=8),
    st.sampled_from(WAYS),
)
def test_every_spelling_is_what_the_library_says_of_the_number(first: str, rest: str, way: str) -> None:
    digits = first + rest
    number = phonenumbers.PhoneNumber(country_code=254, national_number=int(digits))
    mobile = (
        phonenumbers.is_valid_number_for_region(number, "KE") and phonenumbers.number_type(number) in MOBILE
    )
    TRIED[mobile] += 1
    typed = way.format(digits[:3], digits[3:6], digits[6:])
    if mobile:
        assert mobile_number(typed) == f"254{digits}"
    else:
        with pytest.raises(NotAMobileNumber):
            mobile_number(typed)


def test_enough_was_tried() -> None:
    if not TRIED:
        pytest.skip("the spellings were not tried")
    assert TRIED.total() >= EXAMPLES
    assert min(TRIED[True], TRIED[False]) > EXAMPLES / 20
    show(
        "B5",
        "Kenyan numbers in seven spellings against `phonenumbers`; other digits, letters, lengths and countries",
        f"{TRIED.total():,} numbers, {TRIED[True]:,} of them mobile, and any text",
        "0 differ, only E.164 is kept",
    )
