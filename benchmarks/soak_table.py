"""The table of a soak, and the end of it against the beginning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

from benchmarks import report
from benchmarks.load import Used
from benchmarks.soak_tills import LOOKUPS, READING, SALES, Sample
from benchmarks.soak_watch import HOT, Look

KINDS = (LOOKUPS, SALES, READING)
MIB, KIB = 1024 * 1024, 1024
HUNDRED_THOUSAND = 100_000
ABOVE = (
    "", "", "lookup ms", "", "checkout ms", "", "reports ms", "", "CPU ms/request", "", "memory MiB", "",
    "receipt counter", "", "stock", "", "keys", "", "",
)  # fmt: skip
HEADS = (
    "minute", "req/s", "p50", "p99", "p50", "p99", "p50", "p99", "server", "PostgreSQL", "PSS", "RSS",
    "dead", "KiB", "dead", "KiB", "dead", "KiB", "checks",
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """What happened between two looks; `checks` is how often the books had been proved at its end."""

    began: Look
    ended: Look
    samples: Sequence[Sample]
    checks: int

    @property
    def used(self) -> Used:
        return self.ended.used.since(self.began.used)

    def seconds(self, kind: str) -> list[float]:
        return [sample.seconds for sample in self.samples if sample.kind == kind]


def table(spans: Sequence[Span]) -> str:
    """A line for each span: its end in minutes, latencies, processor time, memory, and dead rows of hot tables."""
    rows = [ABOVE, HEADS, *(tuple(_row(span, spans[0].began.at)) for span in spans)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join(report.aligned(row, widths) for row in rows)


def _row(span: Span, start: float) -> Iterator[str]:
    count = len(span.samples)
    yield f"{(span.ended.at - start) / 60:.2f}"
    yield f"{count / (span.ended.at - span.began.at):.0f}"
    for kind in KINDS:
        seconds = span.seconds(kind)
        yield from (
            f"{report.percentile(seconds, share) * 1000:.1f}" if seconds else "-" for share in (0.5, 0.99)
        )
    used = (span.used.server, span.used.database)
    yield from ("-" if taken is None or not count else f"{taken / count * 1000:.2f}" for taken in used)
    yield from (f"{size / MIB:.1f}" for size in (span.ended.pss, span.ended.rss))
    for name in HOT:
        dead, size = span.ended.tables[name]
        yield from (f"{dead:,}", f"{size // KIB:,}")
    yield str(span.checks)


def latencies(spans: Sequence[Span], tenth: int) -> Iterator[str]:
    """Medians and processor time of the last tenth of the run against those of the first."""
    first, last = spans[:tenth], spans[-tenth:]
    yield "The last tenth against the first:"
    for kind in KINDS:
        before, after = (
            [seconds for span in part for seconds in span.seconds(kind)] for part in (first, last)
        )
        if before and after:
            yield f"  {kind}, p50: {_ratio(median(before) * 1000, median(after) * 1000, 'ms')}"
    yield f"  server CPU per request: {_ratio(*(_cpu_ms(part) for part in (first, last)), 'ms')}"


def _cpu_ms(spans: Sequence[Span]) -> float:
    return sum(span.used.server for span in spans) / sum(len(span.samples) for span in spans) * 1000


def _ratio(before: float, after: float, unit: str) -> str:
    return f"{after / before:.2f} x ({before:.2f} to {after:.2f} {unit})"


def growth(spans: Sequence[Span]) -> str:
    """The straight line through the memory of the second half, when caches and heaps have found their size."""
    answered, points = 0, []
    for span in spans:
        answered += len(span.samples)
        points.append((answered, span.ended.pss))
    half = points[len(points) // 2 :]
    slope = linear_regression(*zip(*half, strict=True)).slope * HUNDRED_THOUSAND / MIB
    (_, first), (middle, half_way), (last, end) = points[0], half[0], points[-1]
    return (
        f"Memory of gunicorn (PSS): {first / MIB:.1f} MiB at first, {half_way / MIB:.1f} half-way, {end / MIB:.1f} "
        f"at the end; in the second half {slope:+.1f} MiB per 100,000 requests (from {last - middle:,} of them)"
    )
