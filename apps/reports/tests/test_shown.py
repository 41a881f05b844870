"""How figures look in a report."""

from decimal import Decimal

import pytest

from apps.reports.selectors.shown import percent


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        ("1.00", "8.00", "12.50"),
        ("1.00", "3.00", "33.33"),
        ("0.01", "8.00", "0.13"),
        ("-0.01", "8.00", "-0.13"),
        ("-0.01", "1000.00", "0.00"),
        ("0.00", "8.00", "0.00"),
        ("5.00", "0.00", "0.00"),
    ],
)
def test_percentages_are_rounded_half_up_and_nothing_has_no_sign(part: str, whole: str, shown: str) -> None:
    assert percent(Decimal(part), Decimal(whole)) == shown
