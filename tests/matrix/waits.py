"""List the places where a saga only waits, and how it continues after a disturbance there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from domain.provider_notifications import ShipmentNotificationKind as Notification
from tests.matrix import scenarios as way
from tests.matrix.scenarios import Play, Scenario

if TYPE_CHECKING:
    from tests.matrix.actors import People


@dataclass(frozen=True)
class Wait:
    of: str
    """The fact that the saga waits for."""
    begins: Callable[[People], Coroutine[None, None, None]]
    """Bring the order to the wait; pending work is awaited afterwards."""
    scenario: Scenario
    runs_in: str = "order"
    """The workflow that waits; the order's waits for that of its payment or its return."""


def _then(following: Play, *, first: Play | None = None) -> Play:
    async def play(people: People) -> None:
        if first is not None:
            await first(people)
        await people.disturbed()
        await following(people)

    return play


def _logged(category: str, event_type: str) -> Play:
    async def logged(people: People) -> None:
        await people.logged(category, event_type)

    return logged


async def _dispatched(people: People) -> None:
    await people.logged("shipment", "ShipmentCreated")
    await people.until_dispatched()


async def _sends_back(people: People) -> None:
    await people.sends_back()


async def _hears(people: People) -> None:
    await people.hear_all()


def _goes_on(scenario: Scenario) -> Scenario:
    return replace(scenario, play=_then(scenario.play))


_UNHEARD: Final = replace(way.STRAIGHT, play=_then(_hears))
_PARKED: Final = _logged("saga", "SagaParked")

WAITS: Final = (
    Wait("stock", _logged("inventory", "BackorderQueued"), _goes_on(way.BACKORDERED)),
    Wait("the bank", _logged("payment", "PaymentPending"), _goes_on(way.SECURE), "payment"),
    Wait(
        "another card", _logged("payment", "PaymentDeclined"), _goes_on(way.PAID_AGAIN), "payment"
    ),
    Wait("the carrier", _logged("shipment", "ShipmentCreated"), _goes_on(way.CANCELLED)),
    Wait(
        "news of the dispatch",
        _dispatched,
        replace(
            _UNHEARD,
            name="dispatch unheard",
            unheard=frozenset({Notification.DISPATCHED, Notification.DELIVERED}),
        ),
    ),
    Wait(
        "the delivery",
        _logged("payment", "PaymentCaptured"),
        replace(_UNHEARD, name="delivery unheard", unheard=frozenset({Notification.DELIVERED})),
    ),
    Wait("a return", _logged("order", "OrderDelivered"), _goes_on(way.RETURNED)),
    Wait(
        "the goods",
        _logged("shipment", "ShipmentReturnRequested"),
        replace(
            way.RETURNED,
            name="return unheard",
            unheard=frozenset({Notification.RETURNED}),
            play=_then(_hears, first=_sends_back),
        ),
        "return",
    ),
    Wait("a decision on the capture", _PARKED, way.PARKED),
    Wait(
        "a decision on an undo",
        _PARKED,
        replace(way.CANCELLED, name="void refused", refused="cancel", parkings=1),
    ),
    Wait("a decision on the refund", _PARKED, way.REFUND_SETTLED, "return"),
)
