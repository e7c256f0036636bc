"""Where something can go wrong: each activity of a saga, on a way that comes by it.

Made from the plans in domain/saga/plan.py. A step or an undo that is added there joins by itself:
its activity bears its name. Only of a wait it has to be said what is done meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from activities.interface import (
    OrderActivities,
    PaymentActivities,
    SagaActivities,
    ShippingActivities,
)
from domain.saga.plan import CLOSING, ORDER_PLAN, RETURN_PLAN, SagaStep
from tests.matrix import scenarios as way
from tests.matrix.scenarios import Scenario


@dataclass(frozen=True)
class Asked:
    """Whom an activity asks, by which method of our client and operation of the simulator."""

    provider: str
    method: str | None = None
    operation: str = "*"


@dataclass(frozen=True)
class Point:
    activity: str
    scenario: Scenario
    asked: Asked | None = None
    """None: it touches the log alone, as a local activity."""
    runs_in: str = "order"
    """The beginning of the id of the workflow that does it."""
    changes: bool = True
    """Whether it appends something."""

    @property
    def name(self) -> str:
        return f"{self.activity} ({self.scenario.name})"


_PROVIDERS: Final = {PaymentActivities: "payments", ShippingActivities: "carrier"}
_INTERFACES: Final = (OrderActivities, PaymentActivities, ShippingActivities, SagaActivities)
_OWNER: Final = {
    name: interface for interface in _INTERFACES for name in interface.__abstractmethods__
}
ACTIVITIES: Final = frozenset(_OWNER)

_RUNS_IN: Final = {
    **dict.fromkeys(("look_up", "authorize_again", "request_payment"), "payment"),
    **dict.fromkeys(
        ("collect_return", "finish_return", "lapse_return", "refund", "track_return"), "return"
    ),
}
"""What is done by a workflow of its own. What is said of a parked step, by the one it stands in."""
_LOG_ALONE: Final = {"request_payment"}
"""Of the activities of providers."""
_ASKS: Final = {
    "authorize": ("authorize", "confirm"),
    "authorize_again": ("authorize", "confirm"),
    "cancel_shipment": ("cancel", "cancel"),
    "capture": ("capture", "capture"),
    "collect_return": ("create_return", "return"),
    "create_shipment": ("create_shipment", "create"),
    "give_back": ("void", "cancel"),
    "look_up": ("get", "look"),
    "refund": ("refund", "refund"),
    "track": ("find", "look"),
    "track_return": ("find_return", "look"),
}
"""Activities that are not here meet their faults at whatever they ask first."""

WAITS: Final = {
    "await_payment": (("look_up", way.SECURE), ("authorize_again", way.PAID_AGAIN)),
    "await_dispatch": (("track", way.UNTOLD),),
    "await_delivery": (("track", way.UNTOLD_DELIVERY),),
    "await_return": (("request_return", way.RETURNED),),
    "await_goods": (("track_return", way.RETURN_UNTOLD), ("lapse_return", way.RETURN_LAPSED)),
}
"""What is done in the steps that only wait."""
BESIDE_THE_PLAN: Final = (
    ("place", way.STRAIGHT),
    ("reject", way.SHORT),
    ("backorder", way.BACKORDERED),
    ("request_payment", way.PAID_AGAIN),
    ("request_cancellation", way.CANCELLED),
    ("turn_round", way.ADDRESS_REFUSED),
    ("finish_return", way.REFUND_SETTLED),
    ("park", way.PARKED),
    ("decide", way.PARKED),
    ("park", way.REFUND_SETTLED),
    ("decide", way.REFUND_SETTLED),
    ("waiting_for", way.CANCELLED),
    ("waiting_for", way.REFUND_SETTLED),
)
"""What customers, operators and the engine itself put into the log."""
LEFT_OUT: Final = frozenset({"stand", "run_command"})
"""The one changes nothing, the other is no part of a saga."""
_QUIET: Final = (
    ("release", way.LOST),
    ("waiting_for", way.CANCELLED),
    ("waiting_for", way.REFUND_SETTLED),
)
"""Where the log has everything already, and nothing is appended."""


def points() -> list[Point]:
    return [*_of_plan(ORDER_PLAN, way.STRAIGHT), *_of_plan(RETURN_PLAN, way.RETURNED), *_beside()]


def _of_plan(plan: tuple[SagaStep, ...], straight: Scenario) -> Iterator[Point]:
    for step in plan:
        for activity, scenario in _done_in(step, straight):
            yield _point(activity, scenario)
    for step in plan:
        if step.undo is not None:
            yield _point(step.undo.name, way.CANCELLED)
            if not step.undo.until_pivot:
                yield _point(step.undo.name, way.LOST)


def _done_in(step: SagaStep, straight: Scenario) -> tuple[tuple[str, Scenario], ...]:
    if step.name in ACTIVITIES:
        return ((step.name, straight),)
    if step.name in WAITS:
        return WAITS[step.name]
    raise LookupError(f"no activity bears the name of {step.name}: say in WAITS what it does")


def _beside() -> Iterator[Point]:
    closing, withdrawing = CLOSING
    yield _point(closing.name, way.CANCELLED)
    yield _point(withdrawing.name, way.TOO_LATE)
    for activity, scenario in BESIDE_THE_PLAN:
        yield _point(activity, scenario)


def _point(activity: str, scenario: Scenario) -> Point:
    is_quiet = (activity, scenario) in _QUIET
    runs_in = "return" if scenario is way.REFUND_SETTLED else _RUNS_IN.get(activity, "order")
    return Point(activity, scenario, _asked(activity, scenario), runs_in, changes=not is_quiet)


def _asked(activity: str, scenario: Scenario) -> Asked | None:
    provider = _PROVIDERS.get(_OWNER[activity])
    if provider is None or activity in _LOG_ALONE:
        return None
    if (activity, scenario) == ("give_back", way.LOST):
        return Asked(provider, "refund", "refund")
    return Asked(provider, *_ASKS.get(activity, (None, "*")))
