"""Build the cases: every point with every fault, without combinations that make no sense.

These rules leave combinations out:
- `refused` and `down` where no provider is called: there is no refusal, and Temporal retries a
  local activity until the database is back.
- Timeouts where nothing runs, and `after the effect` of what has no effect.
- `during` where nothing is appended and no provider is called.
- `before` and `after` once for each activity, although it may make several calls.
- `cancelled` before the order is in the log: its customer does not know it yet.
- `before` and `after` of a cancellation at a local activity: Temporal delivers the result and the
  cancellation in the same workflow task, in either order.
- `terminated with its order` for a workflow without a parent.
- `down` where the provider is asked until the dispatch deadline.
- `terminated before the call` where no provider is called: a local activity has no separate
  attempt.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tests.matrix.points import TIMEOUT_OF, Point, points
from tests.matrix.provider_calls import Call
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
    PARENT_TERMINATED = "terminated with its order"
    """The order's workflow is terminated, and Temporal ends the child that was running."""
    CUT_OFF = "terminated before the call"
    """The attempt that was about to call the provider ends too; otherwise it makes its call late.
    """
    RESET = "reset in the Web UI"
    """The order's workflow runs again from its first task. A child of its earlier run runs on."""
    GONE = "gone when the customer cancels"
    """The order's workflow is terminated, and nothing has recovered it before its customer asks."""


_IN_PHASES: Final = (
    Fault.KILLED,
    Fault.CANCELLED,
    Fault.TEMPORAL_CANCELLED,
    Fault.TERMINATED,
    Fault.PARENT_TERMINATED,
)
_AT_WAITS: Final = (Fault.RESET, Fault.GONE)
_ALWAYS: Final = (
    (Fault.RESET, "the bank"),
    (Fault.RESET, "the goods"),
    (Fault.GONE, "the carrier"),
)
"""The cases of `_AT_WAITS` that run without FULL=1."""
CANCELLATIONS: Final = (Fault.CANCELLED, Fault.TEMPORAL_CANCELLED, Fault.GONE)
OUTAGES: Final = (Fault.REFUSED, Fault.DOWN)
TIMEOUTS: Final = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER)
TERMINATIONS: Final = (Fault.TERMINATED, Fault.PARENT_TERMINATED, Fault.CUT_OFF)
HARMLESS: Final = (*TIMEOUTS, Fault.KILLED, *TERMINATIONS, Fault.RESET)
"""The order ends as if none of these faults had occurred, at any point."""

_LONG: Final = timedelta(minutes=5)
_PATIENT: Final = Deadlines(
    provider_timeout=_LONG,
    undo_timeout=_LONG,
    parked_retry=_LONG,
    backorder=_LONG,
    payment_window=_LONG,
    dispatch=_LONG,
    delivery=_LONG,
    return_window=timedelta(milliseconds=50),
    return_delivery=_LONG,
)
_TIMEOUT: Final = timedelta(seconds=5)
"""The time for which a provider is retried. Steps without a fault must finish within it."""
_WINDOW: Final = timedelta(seconds=12)
"""Where a payment waits for what never comes."""


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
        deadlines, call = _PATIENT, self.point.call
        if self.fault in OUTAGES and self.point.runs_in == "payment":
            deadlines = replace(deadlines, payment_window=_WINDOW)
        if self.fault is Fault.DOWN and call is not None:
            # If an answer is lost first, the next attempt must start within the timeout.
            timeout = 2 * _TIMEOUT if call.after else _TIMEOUT
            limit = TIMEOUT_OF[self.point.activity]
            assert limit is not None, f"the plan gives {self.point.activity} no time-out"
            deadlines = replace(deadlines, **{limit: timeout})
        return replace(deadlines, **self.point.scenario.deadlines)

    @property
    def script(self) -> Script:
        point, call = self.point, self.point.call
        if call is None:
            phase = self.phase or _LOST_ANSWER.get(self.fault, Phase.BEFORE)
            return Script(point.activity, phase, self._act)
        return Script(
            point.activity,
            self.phase or Phase.BEFORE,
            self._act,
            provider=point.provider,
            operation=call.operation,
            nth=call.nth,
            lost=call.after,
            fault=_AT_THE_PROVIDER.get(self.fault),
            lasts=self.fault in OUTAGES,
        )

    @property
    def _act(self) -> Act:
        if self.point.wait is not None:
            return Act.IDLE
        if self.fault is Fault.KILLED:
            return Act.KILL
        if self.phase is not None or self.fault is Fault.CUT_OFF:
            return Act.GATE
        return Act.PROVIDER if self.point.call else Act.FAIL

    @property
    def is_disturbed(self) -> bool:
        """Return whether the test itself disturbs the saga, while the rest of the world waits."""
        return self._act in {Act.GATE, Act.IDLE}


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


def all_cases() -> list[Case]:
    return [case for case in combinations() if why_left_out(case) is None]


def left_out() -> Counter[str]:
    """Return how many combinations are left out, by reason."""
    return Counter(why for case in combinations() if (why := why_left_out(case)) is not None)


def combinations() -> Iterator[Case]:
    for point in points():
        for fault in Fault:
            has_phases = fault in _IN_PHASES and point.wait is None
            yield from (Case(point, fault, phase) for phase in (Phase if has_phases else (None,)))


def why_left_out(case: Case) -> str | None:
    point = case.point
    if case.fault is Fault.PARENT_TERMINATED and not point.has_parent:
        return "its workflow has no parent"
    if case.fault in _AT_WAITS:
        return _why_not_at(point, case.fault)
    if point.wait is not None:
        return None if case.fault in _IN_PHASES else "nothing runs that could fail"
    if point.call is not None:
        return _why_no_call(case, point.call)
    return _why_not_in_the_log(case)


def _why_not_at(point: Point, fault: Fault) -> str | None:
    if point.wait is None:
        return "it occurs while the saga waits"
    is_quick = (fault, point.wait.of) in _ALWAYS
    return None if is_quick or os.environ.get("FULL") else "it runs with FULL=1"


def _why_no_call(case: Case, call: Call) -> str | None:
    is_around = case.phase in {Phase.BEFORE, Phase.AFTER} or case.fault is Fault.CUT_OFF
    if is_around and not case.point.is_first:
        return "the same for each call of an activity"
    if case.fault is Fault.DOWN and case.point.activity == "check_hold":
        return "it is asked until the dispatch deadline"
    if case.fault is Fault.TIMEOUT_AFTER and not call.changes:
        return "it has no effect"
    return None


def _why_not_in_the_log(case: Case) -> str | None:
    if case.fault in {*OUTAGES, Fault.CUT_OFF}:
        return "no provider is called"
    if case.fault in CANCELLATIONS and case.phase is not Phase.DURING:
        return "the same as during, for a local activity"
    if case.fault is Fault.CANCELLED and case.point.activity == "place":
        return "the order is not known yet"
    if case.phase is Phase.DURING and not case.point.changes:
        return "nothing is appended"
    return None
