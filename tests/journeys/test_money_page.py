"""docs/money-and-states.md says what the code does: its example is computed again, its tables compared."""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.inventory.models import StockCount
from apps.inventory.services.counting import REFUSALS
from apps.payments import schedule
from apps.payments.services.refunding import CALL
from apps.payments.states import FINISHED, MOVES, REFUND_MOVES, CallbackState
from apps.reports.selectors.reconciliation import BOOKED, SECTIONS
from apps.sales.totals import PricedLine, Totals, line_totals, sale_totals

PAGE = (Path(__file__).parents[2] / "docs" / "money-and-states.md").read_text()
SALE_DISCOUNT = Decimal("20.00")


def table_after(sentence: str) -> list[list[str]]:
    """The cells of the first table below `sentence`, without its head."""
    below = PAGE[PAGE.index(sentence) :]
    rows = re.search(r"^\|.*?\n(?!\|)", below, re.M | re.S)
    assert rows, sentence
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]


def example() -> list[PricedLine]:
    return [
        PricedLine(Decimal(price), Decimal(quantity), Decimal(rate), Decimal(discount))
        for _, price, quantity, rate, discount in table_after("Three lines and a discount of 20.00")
    ]


def shown(name: str, worth: Decimal, own_discount: Decimal, amounts: Totals) -> list[str]:
    share = amounts.discount - own_discount
    numbers = (worth, share, amounts.subtotal, amounts.tax_amount, amounts.discount, amounts.total)
    return [name, *(f"{number:.2f}" for number in numbers)]


@pytest.mark.parametrize(
    ("sentence", "prices_include_tax"),
    [("With prices that include tax:", True), ("With prices before tax:", False)],
)
def test_the_worked_example_is_what_the_till_computes(sentence: str, prices_include_tax: bool) -> None:
    lines = example()
    totals, worth = line_totals(lines, SALE_DISCOUNT, prices_include_tax=prices_include_tax)

    expected = [
        shown(str(number), line.unit_price * line.quantity, line.discount, amounts)
        for number, (line, amounts) in enumerate(zip(lines, totals, strict=True), start=1)
    ]
    own_discounts = sum((line.discount for line in lines), Decimal(0))
    expected.append(shown("sale", worth, own_discounts, sale_totals(totals)))

    assert table_after(sentence) == expected


@pytest.mark.parametrize(
    ("sentence", "moves"),
    [("This is the whole table:", MOVES), ("This is the whole table of refunds:", REFUND_MOVES)],
)
def test_the_tables_are_those_that_are_asked(sentence: str, moves: Mapping[Any, frozenset[Any]]) -> None:
    written = {start: set(re.findall(r"`(\w+)`", ends)) for start, ends in table_after(sentence)}

    assert written == {f"`{start.value}`": {end.value for end in ends} for start, ends in moves.items()}


@pytest.mark.parametrize(
    ("sentence", "moves"),
    [
        ("What moves a payment:", MOVES),
        ("What moves a refund:", REFUND_MOVES),
    ],
)
def test_every_move_that_is_told_is_allowed(sentence: str, moves: Mapping[Any, frozenset[Any]]) -> None:
    told = {
        (start, end)
        for starts, ends, *_ in table_after(sentence)
        for start in re.findall(r"`(\w+)`", starts)
        for end in re.findall(r"`(\w+)`", ends)
    }
    allowed = {(start.value, end.value) for start, ends in moves.items() for end in ends}

    # A refund in cash is approved and completed at once.
    assert told - {("pending", "completed")} == allowed


def test_a_count_ends_once() -> None:
    written = {start: (ends, told) for start, ends, told in table_after("This is the whole table of counts:")}

    over = {f"`{state.value}`": ("nothing", f"409 `{error.code}`") for state, error in REFUSALS.items()}
    assert written == {"`in_progress`": (", ".join(over), ""), **over}
    assert list(written) == [f"`{state.value}`" for state in StockCount.Status]


def test_the_states_of_messages_are_all_there() -> None:
    written = {state.strip("`"): again for state, _, again in table_after("What became of a message")}

    assert written == {
        state.value: "no" if state in (*FINISHED, "parked") else "yes" for state in CallbackState
    }


def test_the_schedule_is_the_one_that_is_kept() -> None:
    told = dict(table_after("## When the gateway is asked"))
    refund_first, *refund_gaps = numbers(told["a refund under way"])

    steady = (schedule.STEADY_TIMES, schedule.STEADY)
    assert numbers(told["a payment"]) == [
        schedule.FIRST.seconds,
        *schedule.NEAR,
        *steady,
        *schedule.FAR[:-1],
        schedule.FAR[-1] // 60,
    ]
    assert max(schedule.GAPS[: len(schedule.NEAR) + schedule.STEADY_TIMES]) < 60
    assert (refund_first, *refund_gaps, 3600) == (CALL.seconds, *schedule.REFUND_GAPS)
    assert f"after {hours(schedule.GIVE_UP)} hours" in told["the last question"]
    assert f"after {hours(schedule.REFUND_GIVE_UP)} hours" in told["a refund without an outcome"]


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def hours(time: timedelta) -> int:
    return int(time.total_seconds() // 3600)


def test_the_sections_of_the_report_are_all_there() -> None:
    written = [name.strip("`") for name, _ in table_after("## The sections of the reconciliation report")]

    assert sorted(written) == sorted(SECTIONS)
    assert written[:3] == list(BOOKED)
