"""Report a load: a table, the knee, the part that is saturated, and the faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

from tests.load.steps import BOUNDS_MS, CONFIRMED, PLACED, Figures, Step, knee
from tests.load.usage import Usage

_NONE: Final = Figures(0, 0, 0.0, 0.0)
LATE_MS: Final = 100.0
"""From this lateness on, the load itself was too slow for its rate."""


@dataclass(frozen=True, slots=True)
class Measured:
    step: Step
    usage: Usage


@dataclass(frozen=True, slots=True)
class Report:
    machine: Mapping[str, str | int]
    workers: int
    """0 for a service that this command has not started."""
    steps: Sequence[Measured]
    has_bounds: bool = True
    measured_at: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds")
    )

    @property
    def knee(self) -> Measured | None:
        """Return the last step that held."""
        index = knee([measured.step for measured in self.steps])
        return None if index is None else self.steps[index]

    @property
    def broken(self) -> Measured | None:
        """Return the step that broke a bound."""
        return next((measured for measured in self.steps if measured.step.breaks()), None)

    def faults(self) -> list[str]:
        """Return what failed below the knee. A step that broke a bound may fail."""
        held = [m.step for m in self.steps if not (self.has_bounds and m.step.breaks())]
        faults = [
            f"at {step.rate:g} orders/s {step.failed} requests failed: {'; '.join(step.errors)}"
            for step in held
            if step.failed
        ]
        return faults if held else ["no step has held its bounds", *faults]

    def verdict(self) -> list[str]:
        """Say in a few lines where the knee is, and why."""
        lines = []
        if self.knee is not None:
            rate, placed = self.knee.step.orders_per_second, self.knee.step.requests[PLACED]
            lines.append(
                f"The knee is at {rate:.1f} orders/s: there the p99 of placeOrder is "
                f"{placed.p99:,.0f} ms."
            )
        if self.broken is None:
            lines.append("No step broke a bound: begin with a higher RATE.")
            return lines
        lines.append(f"At {self.broken.step.rate:g} orders/s {self.broken.step.breaks()}.")
        lines.append(f"Saturated: {self.saturated(self.broken)}.")
        return lines

    def saturated(self, measured: Measured) -> str:
        if measured.step.late_ms > LATE_MS:
            return "the load itself, which began customers too late"
        if not self.workers:
            return "not measured, since this command has not started the service"
        return measured.usage.saturated(int(self.machine["cores"]))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        steps = [
            Measured(Step.from_json(one["step"]), Usage(**one["usage"])) for one in found["steps"]
        ]
        return cls(**{**found, "steps": steps})


HEADINGS: Final = (
    "orders/s wanted",
    "placed",
    "placeOrder p50",
    "p99",
    "CONFIRMED p50",
    "p99",
    "failed",
    "processors",
    "busiest parts",
    "deepest queue",
)


def row(measured: Measured) -> tuple[str, ...]:
    step, usage = measured.step, measured.usage
    placed = step.requests.get(PLACED, _NONE)
    confirmed = step.requests.get(CONFIRMED, _NONE)
    return (
        f"{step.rate:g}",
        f"{step.orders_per_second:.1f}",
        *(f"{time:,.0f} ms" for time in (placed.p50, placed.p99, confirmed.p50, confirmed.p99)),
        str(step.failed),
        f"{usage.processors:.2f}",
        _most(usage.cpu, 3, ".2f"),
        _most({k: v for k, v in usage.depths.items() if k.startswith("queue: ")}, 1, ".0f"),
    )


def line(measured: Measured) -> str:
    """Return the line of progress after a step."""
    step = measured.step
    p99s = ", ".join(
        f"{name} {step.requests[name].p99:,.0f} ms" for name in BOUNDS_MS if name in step.requests
    )
    return (
        f"{step.rate:6.1f} orders/s wanted, {step.orders_per_second:6.1f} placed; p99: {p99s}; "
        f"{step.failed} failed; {measured.usage.processors:.2f} processors"
    )


def markdown(report: Report) -> str:
    rows = [f"| {' | '.join(HEADINGS)} |", f"|{' ---: |' * 8} --- | --- |"]
    rows += [f"| {' | '.join(row(measured))} |" for measured in report.steps]
    return "\n".join([*rows, "", *report.verdict()])


def _most(found: Mapping[str, float], count: int, form: str) -> str:
    most = sorted(found.items(), key=lambda one: -one[1])[:count]
    return ", ".join(f"{name.removeprefix('queue: ')} {value:{form}}" for name, value in most)
