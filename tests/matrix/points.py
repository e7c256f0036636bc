"""List the points where a fault can occur: each activity of a saga, in a scenario that reaches it.

The points are built from the plans in domain/saga/plan.py. A new step or undo joins without a
change here, because its activity has the same name. A step that only waits needs an entry in
`DONE_WHILE_WAITING`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from activities.interface import (
    OrderActivities,
    PaymentActivities,
    SagaActivities,
    ShippingActivities,
    StockActivities,
)
from domain.saga.plan import (
    ASK_AGAIN,
    AWAIT_PAYMENT,
    FINALIZERS,
    ORDER_PLAN,
    RETURN_PLAN,
    PlanStep,
    Timeout,
    Undo,
    refund_order,
)
from tests.matrix import scenarios as way
from tests.matrix.provider_calls import Call, calls_of
from tests.matrix.scenarios import Scenario
from tests.matrix.waits import WAITS, Wait


@dataclass(frozen=True)
class Point:
    activity: str
    """Empty where no activity runs: see `wait`."""
    scenario: Scenario
    call: Call | None = None
    """The provider call that fails. None: a local activity, which only uses the log."""
    provider: str | None = None
    runs_in: str = "order"
    """The prefix of the id of the workflow that runs the activity."""
    changes: bool = True
    """Whether the activity appends something."""
    is_first: bool = True
    """Whether this is the activity's first call in this scenario."""
    wait: Wait | None = None

    @property
    def name(self) -> str:
        if self.wait is not None:
            return f"idle until {self.wait.of} ({self.scenario.name})"
        at = f" at {self.call.name}" if self.call else ""
        return f"{self.activity}{at} ({self.scenario.name})"

    @property
    def has_parent(self) -> bool:
        return self.runs_in in {"payment", "return"}


_PROVIDERS: Final = {PaymentActivities: "payments", ShippingActivities: "carrier"}
_INTERFACES: Final = (
    OrderActivities,
    StockActivities,
    PaymentActivities,
    ShippingActivities,
    SagaActivities,
)
_OWNER: Final = {
    name: interface for interface in _INTERFACES for name in interface.__abstractmethods__
}
ACTIVITIES: Final = frozenset(_OWNER)

DONE_WHILE_WAITING: Final = {
    "await_payment": (("look_up", way.SECURE), ("authorize_again", way.PAID_AGAIN)),
    "await_dispatch": (("track", way.DISPATCH_POLLED),),
    "await_delivery": (("track", way.DELIVERY_POLLED),),
    "await_return": (("request_return", way.RETURNED),),
    "await_goods": (("track_return", way.RETURN_POLLED), ("lapse_return", way.RETURN_LAPSED)),
}
"""What is done in the steps that only wait."""


def _activities_of(step: PlanStep) -> tuple[str, ...]:
    """Return the activities of a step: the one with its name, or those that run while it waits."""
    meanwhile = (activity for activity, _ in DONE_WHILE_WAITING.get(step.name, ()))
    return (step.name,) if step.name in ACTIVITIES else tuple(meanwhile)


ASKING_AGAIN: Final = ("check_hold", "stop_parcel", "end_hold")
"""What is done when the hold of a payment has ended before the dispatch."""

_RUNS_IN: Final = {
    **dict.fromkeys((*_activities_of(AWAIT_PAYMENT), "request_payment"), "payment"),
    **{activity: "return" for step in RETURN_PLAN for activity in _activities_of(step)},
    "finish_return": "return",
    **dict.fromkeys(("refund_order", "end_refund"), "refund"),
}
"""The activities that the workflow of a payment, a return or a refund runs. A parking counts for
the workflow in which it stands."""
TIMEOUT_OF: Final[dict[str, Timeout | None]] = {
    **{
        activity: step.timeout
        for step in (*ORDER_PLAN, *RETURN_PLAN)
        for activity in _activities_of(step)
    },
    **{step.undo.name: step.undo.timeout for step in ORDER_PLAN if step.undo},
    **dict.fromkeys(ASKING_AGAIN, ASK_AGAIN.timeout),
    "refund_order": refund_order(1).timeout,
}
"""The time-out of each activity by the plan."""
BESIDE_THE_PLAN: Final = (
    ("place", way.STRAIGHT),
    ("reject", way.SHORT),
    ("backorder", way.BACKORDERED),
    ("request_payment", way.PAID_AGAIN),
    ("request_cancellation", way.CANCELLED),
    ("start_compensation", way.ADDRESS_REFUSED),
    ("finish_return", way.REFUND_SETTLED),
    ("park", way.PARKED),
    ("intervene", way.PARKED),
    ("park", way.REFUND_SETTLED),
    ("intervene", way.REFUND_SETTLED),
    *((activity, way.HOLD_ENDED) for activity in ASKING_AGAIN),
    ("capture", way.OWED),
    ("unpark", way.OWED),
    ("changed_stock", way.CANCELLED),
    ("changed_stock", way.REFUND_SETTLED),
    ("refund_order", way.REFUND_REQUESTED),
    ("end_refund", way.REQUEST_SETTLED),
)
"""The activities by which customers, operators and the engine itself append to the log."""
LEFT_OUT: Final = frozenset(
    {
        *("load_progress", "run_command", "restore", "resume_return", "end_orphan"),
        *("release_hold", "record_refunds", "orders_to_notify", "compare_stock"),
    }
)
"""`load_progress` changes nothing, `run_command` is no part of a saga, and `restore` runs only
after the log has lost the order: tests/integration/reconciliation/test_lost_orders.py.
`resume_return` runs for goods that come back late: tests/matrix/test_news.py. `end_orphan` runs
after a reset, which is a fault of its own. `release_hold` runs only after an operator has settled
the capture, and `record_refunds` only before an operator resolves a refund:
tests/integration/workflows/test_settlements.py. Refunds by hand are beside the sagas
of these points: tests/integration/workflows/test_refunds_elsewhere.py. The workflow of a product
runs the last two: tests/matrix/test_stock.py.
"""
_QUIET: Final = (("release", way.LOST.name), ("changed_stock", None))
"""The log has everything already, and nothing is appended."""


_COMPENSATING: Final = (way.CANCELLED, way.CANCELLED_IN_TEMPORAL, way.ADDRESS_REFUSED)
"""The causes of a compensation: a customer, a cancellation in Temporal, a step that fails."""
_MORE_TO_UNDO: Final = {
    "release": (way.BACKORDER_CANCELLED,),
    "give_back": (way.PENDING_CANCELLED, way.DECLINED_CANCELLED, way.PAYMENT_REFUSED),
    "cancel_shipment": (way.TOO_LATE,),
}
"""Scenarios in which an undo has something unusual to undo, or is too late."""


def points() -> list[Point]:
    return [
        *_of_plan(ORDER_PLAN, way.STRAIGHT),
        *_of_plan(RETURN_PLAN, way.RETURNED),
        *_undos(),
        *_beside(),
        *_waits(),
    ]


def _of_plan(plan: tuple[PlanStep, ...], straight: Scenario) -> Iterator[Point]:
    for step in plan:
        for activity, scenario in _done_in(step, straight):
            yield from _points(activity, scenario)


_NOT_ON_THE_STRAIGHT_WAY: Final = {"reserve": (way.BACKORDERED,)}
"""The steps that run on their own in other scenarios alone. With enough stock, the placement
reserves it."""


def _done_in(step: PlanStep, straight: Scenario) -> tuple[tuple[str, Scenario], ...]:
    if step.name in _NOT_ON_THE_STRAIGHT_WAY:
        return tuple((step.name, scenario) for scenario in _NOT_ON_THE_STRAIGHT_WAY[step.name])
    if step.name in ACTIVITIES:
        return ((step.name, straight),)
    if step.name in DONE_WHILE_WAITING:
        return DONE_WHILE_WAITING[step.name]
    raise LookupError(
        f"no activity bears the name of {step.name}: say in DONE_WHILE_WAITING what it does"
    )


def undos() -> Iterator[tuple[str, Scenario]]:
    """Yield each undo and each finalizer, in each scenario that compensates."""
    for step in ORDER_PLAN:
        if step.undo is not None:
            yield from ((step.undo.name, scenario) for scenario in _ways_to(step.undo))
    closing, withdrawing = FINALIZERS
    yield from ((closing.name, scenario) for scenario in (*_COMPENSATING, way.LOST))
    yield withdrawing.name, way.TOO_LATE
    yield withdrawing.name, way.TOO_LATE_IN_TEMPORAL


def _ways_to(undo: Undo) -> Iterator[Scenario]:
    yield from _COMPENSATING
    yield from _MORE_TO_UNDO.get(undo.name, ())
    if not undo.until_pivot:
        yield way.LOST


def _undos() -> Iterator[Point]:
    for activity, scenario in undos():
        yield from _points(activity, scenario)


def _beside() -> Iterator[Point]:
    for activity, scenario in BESIDE_THE_PLAN:
        yield from _points(activity, scenario)


def _waits() -> Iterator[Point]:
    for wait in WAITS:
        yield Point("", wait.scenario, runs_in=wait.runs_in, wait=wait)


def _points(activity: str, scenario: Scenario) -> Iterator[Point]:
    """Yield a point for each provider call, or a single point where no provider is called."""
    provider = _PROVIDERS.get(_OWNER[activity])
    calls = calls_of(activity, scenario) if provider else ()
    is_quiet = bool({(activity, scenario.name), (activity, None)} & {*_QUIET})
    runs_in = "return" if scenario is way.REFUND_SETTLED else _RUNS_IN.get(activity, "order")
    point = Point(activity, scenario, runs_in=runs_in, changes=not is_quiet)
    if not calls:
        yield point
    for call in calls:
        first = call is calls[0]
        yield replace(point, call=call, provider=provider, is_first=first)
