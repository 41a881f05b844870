"""What we want of each line, and whether this run had it. Aims are for server CPU without PostgreSQL's."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

from benchmarks.load import Measurement
from benchmarks.report import aligned, cpu_ms, database_ms, percentile
from benchmarks.scenarios import (
    CALLBACK,
    CHECKOUTS,
    DJANGO_FLOOR,
    LISTS,
    LOOKUP,
    NAIVE_CHECKOUT,
    NAIVE_LOOKUP,
    SALES,
    SAME_PRODUCTS,
    UNKNOWN_CALLBACK,
    Scenario,
)

MIN_SHARE = 0.6  # of the rate that the processors allow
MAX_SPREAD = 5.0  # p99 in units of p50
MIN_CONTENDED = 0.4  # of the rate with different products
# CPU of the Django floor and of PostgreSQL for it, in ms, on the machine for which the aims in milliseconds were set.
FLOOR_MS, FLOOR_STORED_MS = 0.83, 0.13
SELLING = CHECKOUTS[1]

Lines = Mapping[str, Measurement]
Check = Callable[[Lines], "Verdict | None"]


@dataclass(frozen=True)
class Verdict:
    name: str
    measured: str
    aim: str
    said: str


def aims(measured: Sequence[Measurement]) -> str:
    """A line for each aim: measured, wanted, met or missed."""
    lines = {line.name: line for line in measured}
    verdicts = [check(lines) for check in CHECKS]
    rows = [("aims", "measured", "aim", ""), *(astuple(verdict) for verdict in verdicts if verdict)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join([*(aligned(row, widths) for row in rows), "", _against_naive(lines)])


def _said(met: bool) -> str:
    return "met" if met else "missed"


def _times(scenario: Scenario, limit: float) -> Check:
    """At most so many times the Django floor."""

    def check(lines: Lines) -> Verdict:
        ratio = _ratio(lines, scenario, DJANGO_FLOOR)
        return Verdict(scenario.name, f"{ratio:.1f} x", f"<= {limit:g} x", _said(ratio <= limit))

    return check


def _within(scenario: Scenario, limit: float) -> Check:
    """At most so many ms, or what that is in units of the floor where the aim was set."""

    def check(lines: Lines) -> Verdict:
        found, floor = (cpu_ms(lines[name.name]) for name in (scenario, DJANGO_FLOOR))
        return _compared(scenario.name, found, floor, limit, FLOOR_MS)

    return check


def _stored(scenario: Scenario, limit: float) -> Check:
    """PostgreSQL at most so many ms, or what that is in units of its part in the floor."""

    def check(lines: Lines) -> Verdict | None:
        found, floor = (database_ms(lines[name.name]) for name in (scenario, DJANGO_FLOOR))
        if not found or not floor:
            return None
        return _compared(f"{scenario.name}, PostgreSQL", found, floor, limit, FLOOR_STORED_MS)

    return check


def _compared(name: str, found: float, floor: float, limit: float, floor_then: float) -> Verdict:
    ratio, allowed = found / floor, limit / floor_then
    said = "met as a ratio" if found > limit and ratio <= allowed else _said(found <= limit)
    return Verdict(name, f"{found:.1f} ms = {ratio:.1f} x", f"<= {limit:g} ms = {allowed:.1f} x", said)


def _share_of_cpu(lines: Lines) -> Verdict:
    """The rate against what the processors would do if the tills and the queue cost nothing."""
    line = lines[SELLING.name]
    allowed = (os.cpu_count() or 1) * 1000 / (cpu_ms(line) + (database_ms(line) or 0))
    share = _rate(line) / allowed
    measured = f"{share:.2f} = {_rate(line):.0f} of {allowed:.0f}/s"
    return Verdict(
        "all tills at once, rate the CPU allows", measured, f">= {MIN_SHARE}", _said(share >= MIN_SHARE)
    )


def _spread(lines: Lines) -> Verdict:
    times = lines[SELLING.name].latencies
    spread = percentile(times, 0.99) / percentile(times, 0.50)
    return Verdict(
        "all tills at once, p99", f"{spread:.1f} x p50", f"<= {MAX_SPREAD:g} x", _said(spread <= MAX_SPREAD)
    )


def _errors(lines: Lines) -> Verdict:
    """A run with an error ends before this table."""
    return Verdict("all tills at once, errors", "0", "0", _said(True))


def _contended(lines: Lines) -> Verdict:
    share = _rate(lines[SAME_PRODUCTS.name]) / _rate(lines[SELLING.name])
    return Verdict(
        "same products, rate of different ones",
        f"{share:.2f}",
        f">= {MIN_CONTENDED}",
        _said(share >= MIN_CONTENDED),
    )


def _against_naive(lines: Lines) -> str:
    lookup, checkout = _ratio(lines, NAIVE_LOOKUP, LOOKUP), _ratio(lines, NAIVE_CHECKOUT, SELLING)
    return (
        f"What one would write first takes {lookup:.1f} times the server CPU of a lookup and {checkout:.1f} times that "
        "of a checkout of 5 lines."
    )


def _ratio(lines: Lines, one: Scenario, other: Scenario) -> float:
    return cpu_ms(lines[one.name]) / cpu_ms(lines[other.name])


def _rate(line: Measurement) -> float:
    return line.requests / line.elapsed


CHECKS: tuple[Check, ...] = (
    _times(LOOKUP, 2.0),
    *(_times(scenario, limit) for scenario, limit in zip(CHECKOUTS, (5.5, 6.5, 9.0), strict=True)),
    *(check(scenario, limit) for scenario in LISTS for check, limit in ((_within, 12.0), (_stored, 5.0))),
    _within(SALES, 25.0),
    _times(CALLBACK, 5.0),
    _times(UNKNOWN_CALLBACK, 5.0),
    _share_of_cpu,
    _spread,
    _errors,
    _contended,
)
