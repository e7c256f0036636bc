"""Draw the latency over the throughput as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from tests.load.report import Report
from tests.load.steps import BOUNDS_MS, CONFIRMED, PLACED

WIDTH, HEIGHT, MARGIN = 760, 420, 64
TICKS: Final = 6
_TEMPLATE: Final = Path(__file__).with_name("picture.svg.jinja").read_text()


@dataclass(frozen=True, slots=True)
class Curve:
    title: str
    colour: str
    request: str
    quantile: str

    def points(self, report: Report) -> list[tuple[float, float]]:
        """Return the throughput and the milliseconds of each step."""
        return [
            (step.orders_per_second, getattr(step.requests[self.request], self.quantile))
            for step in (measured.step for measured in report.steps)
            if self.request in step.requests
        ]


CURVES: Final = (
    Curve("placeOrder, p50", "#7ba7d9", PLACED, "p50"),
    Curve("placeOrder, p99", "#1f5fa8", PLACED, "p99"),
    Curve("until CONFIRMED, p50", "#e0a46a", CONFIRMED, "p50"),
    Curve("until CONFIRMED, p99", "#b3541e", CONFIRMED, "p99"),
)


@dataclass(frozen=True, slots=True)
class Axes:
    """The throughput from left to right, and the latency upwards on a logarithmic scale."""

    most_orders: float
    least_ms: float
    most_ms: float

    def x(self, orders: float) -> float:
        return round(MARGIN + orders / self.most_orders * (WIDTH - 2 * MARGIN), 1)

    def y(self, ms: float) -> float:
        share = log10(max(ms, self.least_ms) / self.least_ms) / log10(self.most_ms / self.least_ms)
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)

    def placed(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(self.x(orders), self.y(ms)) for orders, ms in points]

    @property
    def powers(self) -> Sequence[float]:
        return [10**n for n in range(round(log10(self.least_ms)), round(log10(self.most_ms)) + 1)]


def picture(report: Report) -> str:
    axes = _axes(report)
    step = axes.most_orders / TICKS
    template = Environment(
        undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).from_string(_TEMPLATE)
    return template.render(
        width=WIDTH,
        height=HEIGHT,
        margin=MARGIN,
        curves=[(curve, axes.placed(curve.points(report))) for curve in CURVES],
        rows=[(axes.y(ms), f"{ms:,.0f} ms") for ms in axes.powers],
        columns=[(axes.x(step * n), f"{step * n:.0f}") for n in range(TICKS + 1)],
        knee=axes.x(report.knee.step.orders_per_second) if report.knee else None,
    )


def _axes(report: Report) -> Axes:
    points = [point for curve in CURVES for point in curve.points(report)]
    times = [ms for _, ms in points if ms > 0] + list(BOUNDS_MS.values())
    return Axes(
        most_orders=max(TICKS, ceil(max(orders for orders, _ in points) / TICKS) * TICKS),
        least_ms=10 ** floor(log10(min(times))),
        most_ms=10 ** ceil(log10(max(times))),
    )
