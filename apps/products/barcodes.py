"""One number, one key: the forms in which scanners read the same product."""

import re

import biip
from biip.gtin import Gtin

_GTIN_FORM = re.compile(r"[0-9]{8}|[0-9]{12,14}", re.ASCII)
MAX_LENGTH = 64


def clean(code: str) -> str:
    """The code without what a keyboard-wedge scanner adds around it: spaces, tabs, carriage returns."""
    return code.strip()


def lookup_key(code: str) -> str:
    """UPC-A, EAN-8, EAN-13 and GTIN-14 forms of one number share a key of 14 digits; any other code is its own key.

    A number whose check digit is wrong is no GTIN and matches exactly.
    """
    if not _GTIN_FORM.fullmatch(code):
        return code
    try:
        return Gtin.parse(code).as_gtin_14()
    except biip.ParseError:
        return code
