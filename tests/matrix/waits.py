"""List the places where a saga only waits, and how it continues after a disturbance there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from domain.provider_notifications import ShipmentNotificationKind as Notification
from providers.payment_simulator.methods import VISA
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


async def _deliver_withheld(people: People) -> None:
    await people.deliver_withheld()


async def _loses_the_hold(people: People) -> None:
    await people.logged("shipment", "ShipmentCreated")
    await people.loses_the_hold()


async def _pays_again(people: People) -> None:
    await people.pays_again(VISA, after="PaymentHoldEnded")


def _continued(scenario: Scenario) -> Scenario:
    return replace(scenario, play=_then(scenario.play))


_WITHHELD: Final = replace(way.STRAIGHT, play=_then(_deliver_withheld))
_PARKED: Final = _logged("saga", "SagaParked")

WAITS: Final = (
    Wait("stock", _logged("inventory", "BackorderQueued"), _continued(way.BACKORDERED)),
    Wait("the bank", _logged("payment", "PaymentPending"), _continued(way.SECURE), "payment"),
    Wait(
        "another card", _logged("payment", "PaymentDeclined"), _continued(way.PAID_AGAIN), "payment"
    ),
    Wait(
        "a new hold",
        _logged("payment", "PaymentHoldEnded"),
        replace(way.HOLD_ENDED, play=_then(_pays_again, first=_loses_the_hold)),
        "payment",
    ),
    Wait("the carrier", _logged("shipment", "ShipmentCreated"), _continued(way.CANCELLED)),
    Wait(
        "the dispatch",
        _dispatched,
        replace(
            _WITHHELD,
            name="dispatch withheld",
            withheld=frozenset({Notification.DISPATCHED, Notification.DELIVERED}),
        ),
    ),
    Wait(
        "the delivery",
        _logged("payment", "PaymentCaptured"),
        replace(_WITHHELD, name="delivery withheld", withheld=frozenset({Notification.DELIVERED})),
    ),
    Wait("a return", _logged("order", "OrderDelivered"), _continued(way.RETURNED)),
    Wait(
        "the goods",
        _logged("shipment", "ShipmentReturnRequested"),
        replace(
            way.RETURNED,
            name="return withheld",
            withheld=frozenset({Notification.RETURNED}),
            play=_then(_deliver_withheld, first=_sends_back),
        ),
        "return",
    ),
    Wait("an intervention in the capture", _PARKED, way.PARKED),
    Wait(
        "an intervention in an undo",
        _PARKED,
        replace(way.CANCELLED, name="void refused", refused="cancel", parkings=1),
    ),
    Wait("an intervention in the refund", _PARKED, way.REFUND_SETTLED, "return"),
)
