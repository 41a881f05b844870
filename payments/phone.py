"""Kenyan mobile numbers, however a cashier types them."""

import re

import phonenumbers

# Without this the library would also read letters and the digits of other scripts.
_TYPED = re.compile(r"\+?[0-9() .\-/]{9,20}", re.ASCII)
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


class NotAMobileNumber(ValueError):
    """The text is no Kenyan mobile number."""


def mobile_number(text: str, region: str = "KE") -> str:
    """The number in `text` as E.164 digits without the plus sign: `0712 345 678` becomes `254712345678`.

    Raises `NotAMobileNumber` with a sentence for the cashier.
    """
    try:
        if not _TYPED.fullmatch(text.strip()):
            raise NotAMobileNumber
        number = phonenumbers.parse(text.strip(), region)
    except (phonenumbers.NumberParseException, NotAMobileNumber):
        raise NotAMobileNumber(_SENTENCE) from None
    kenyan = phonenumbers.region_code_for_number(number) == region
    if not kenyan or phonenumbers.number_type(number) not in _MOBILE:
        raise NotAMobileNumber(_SENTENCE)
    return f"{number.country_code}{number.national_number}"


_SENTENCE = "A Kenyan mobile number is needed, for example 0712 345 678 or +254 712 345 678."
