"""Every point with every fault, less the combinations that make no sense.

Left out, by rule:
- `refused` and `down` where nobody is asked: there is nobody to refuse, and a local activity is
  tried until the database is back.
- `during` where nothing is appended and nobody is asked.
- `cancelled` before the order is in the log: its customer does not know it yet.
- `before` and `after` of a cancellation that meets a local activity: Temporal tells the workflow
  of both, result and cancellation, in one and the same task, whichever came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tests.matrix.points import Point, points
from tests.matrix.script import Act, Phase, Script
from workflows.types import Deadlines


class Fault(StrEnum):
    REFUSED = "refused"
    TIMEOUT_BEFORE = "time-out before the effect"
    TIMEOUT_AFTER = "time-out after the effect"
    DOWN = "down for longer than the retries"
    KILLED = "worker killed"
    CANCELLED = "cancelled by the customer"
    TEMPORAL_CANCELLED = "cancelled in Temporal"
    TERMINATED = "terminated"


_IN_PHASES: Final = (
    Fault.KILLED,
    Fault.CANCELLED,
    Fault.TEMPORAL_CANCELLED,
    Fault.TERMINATED,
)
CANCELLATIONS: Final = (Fault.CANCELLED, Fault.TEMPORAL_CANCELLED)
_OUTAGES: Final = (Fault.REFUSED, Fault.DOWN)
HARMLESS: Final = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.KILLED, Fault.TERMINATED)
"""Whatever they hit, the order ends as if nothing had happened."""

_LONG: Final = timedelta(minutes=5)
_PATIENT: Final = Deadlines(
    provider_patience=_LONG,
    undo_patience=_LONG,
    parked_retry=_LONG,
    backorder=_LONG,
    payment_window=_LONG,
    dispatch=_LONG,
    delivery=_LONG,
    return_window=timedelta(milliseconds=50),
    return_delivery=_LONG,
)
_IMPATIENT: Final = replace(
    _PATIENT,
    provider_patience=timedelta(seconds=2),
    undo_patience=timedelta(seconds=2),
    payment_window=timedelta(seconds=5),
)
"""Where a provider is away for longer than that."""


@dataclass(frozen=True)
class Case:
    point: Point
    fault: Fault
    phase: Phase | None = None

    @property
    def name(self) -> str:
        when = f" {self.phase}" if self.phase else ""
        return f"{self.point.name}: {self.fault}{when}"

    @property
    def deadlines(self) -> Deadlines:
        deadlines = _IMPATIENT if self.fault in _OUTAGES else _PATIENT
        return replace(deadlines, **self.point.scenario.deadlines)

    @property
    def script(self) -> Script:
        asked = self.point.asked
        script = Script(self.point.activity, self.phase or Phase.BEFORE, _act_of(self))
        if asked is None:
            return replace(script, phase=self.phase or _LOST_ANSWER[self.fault])
        return replace(
            script,
            provider=asked.provider,
            method=asked.method,
            operation=asked.operation,
            fault=_AT_THE_PROVIDER.get(self.fault),
            lasts=self.fault in _OUTAGES,
        )


_AT_THE_PROVIDER: Final = {
    Fault.REFUSED: "refuse",
    Fault.TIMEOUT_BEFORE: "timeout_before",
    Fault.TIMEOUT_AFTER: "timeout_after",
    Fault.DOWN: "down",
}
_LOST_ANSWER: Final = {
    Fault.TIMEOUT_BEFORE: Phase.BEFORE,
    Fault.TIMEOUT_AFTER: Phase.AFTER,
}


def _act_of(case: Case) -> Act:
    if case.fault is Fault.KILLED:
        return Act.KILL
    if case.phase is not None:
        return Act.GATE
    return Act.PROVIDER if case.point.asked else Act.FAIL


def all_cases() -> list[Case]:
    return [case for case in _combinations() if why_left_out(case) is None]


def left_out() -> Counter[str]:
    """How many combinations are left out, by the reason."""
    return Counter(why for case in _combinations() if (why := why_left_out(case)) is not None)


def _combinations() -> Iterator[Case]:
    for point in points():
        for fault in Fault:
            phases = tuple(Phase) if fault in _IN_PHASES else (None,)
            yield from (Case(point, fault, phase) for phase in phases)


def why_left_out(case: Case) -> str | None:
    if case.point.asked is not None:
        return None
    if case.fault in _OUTAGES:
        return "nobody is asked"
    if case.fault in CANCELLATIONS and case.phase is not Phase.DURING:
        return "the same as during, for a local activity"
    if case.fault is Fault.CANCELLED and case.point.activity == "place":
        return "nobody knows the order yet"
    if case.phase is Phase.DURING and not case.point.changes:
        return "nothing is appended"
    return None
