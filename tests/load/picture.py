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
CURVES: Final = (
    ("placeOrder, p50", PLACED, "p50", "#7ba7d9"),
    ("placeOrder, p99", PLACED, "p99", "#1f5fa8"),
    ("until CONFIRMED, p50", CONFIRMED, "p50", "#e0a46a"),
    ("until CONFIRMED, p99", CONFIRMED, "p99", "#b3541e"),
)
_TEMPLATE: Final = Path(__file__).with_name("picture.svg.jinja").read_text()


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
        curves=[_curve(report, axes, *curve) for curve in CURVES],
        rows=[(axes.y(ms), f"{ms:,.0f} ms") for ms in axes.powers],
        columns=[(axes.x(step * n), f"{step * n:.0f}") for n in range(TICKS + 1)],
        knee=axes.x(report.knee.step.orders_per_second) if report.knee else None,
    )


def _axes(report: Report) -> Axes:
    figures = [
        getattr(measured.step.requests[name], quantile)
        for measured in report.steps
        for _, name, quantile, _ in CURVES
        if name in measured.step.requests
    ]
    times = [time for time in figures if time > 0] + list(BOUNDS_MS.values())
    orders = max(measured.step.orders_per_second for measured in report.steps)
    return Axes(
        most_orders=max(TICKS, ceil(orders / TICKS) * TICKS),
        least_ms=10 ** floor(log10(min(times))),
        most_ms=10 ** ceil(log10(max(times))),
    )


def _curve(
    report: Report, axes: Axes, title: str, name: str, quantile: str, colour: str
) -> dict[str, object]:
    points = [
        (axes.x(m.step.orders_per_second), axes.y(getattr(m.step.requests[name], quantile)))
        for m in report.steps
        if name in m.step.requests
    ]
    return {"title": title, "colour": colour, "points": points}
