"""The ways through a saga, and what customers, banks and carriers do on each of them.

`play` may wait for what never comes, where a fault sends the order another way: then it is called
off at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.news import ShipmentNews
from domain.order.state import OrderStatus
from tests.matrix.world import QUANTITY

if TYPE_CHECKING:
    from tests.matrix.people import People

Play = Callable[["People"], Coroutine[None, None, None]]
Status, News = OrderStatus, ShipmentNews

ANYWHERE, REFUSED_THERE, NEVER_LEAVES, IS_LOST, NEVER_COMES_BACK = (
    "10115",
    "00000",
    "00001",
    "00004",
    "00006",
)
"""Postal codes that the carrier simulator reacts to: see docs/CARRIER.md."""
CARD, DECLINED_CARD, SECURE_CARD = (
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
)
SOON: Final = timedelta(seconds=1)


async def _nothing(_: People) -> None:
    """All goes by itself."""


@dataclass(frozen=True)
class Scenario:
    """`end` is what becomes of the order when nothing goes wrong."""

    name: str
    end: OrderStatus
    method: str = CARD
    postal_code: str = ANYWHERE
    in_stock: int = QUANTITY
    backorder: bool = False
    unheard: frozenset[ShipmentNews] = frozenset()
    """What the carrier tells and nobody hears, until `play` lets it through."""
    deadlines: dict[str, timedelta] = field(default_factory=dict)
    refused: str | None = None
    """An operation that the payment provider refuses until somebody sees to it."""
    settled_by_hand: bool = False
    """What is refused: the operator does it in the provider's dashboard, and says so."""
    play: Play = _nothing


async def _approve(people: People) -> None:
    await people.approves()


async def _pay_again(people: People) -> None:
    await people.pays_again(CARD)


async def _return_all(people: People) -> None:
    await people.sends_back()


async def _cancel_late(people: People) -> None:
    await people.logged("shipment", "ShipmentCreated")
    await people.cancels()


async def _cancel_too_late(people: People) -> None:
    await people.until_dispatched()
    await people.cancels()
    await people.logged("order", "OrderCancellationWithdrawn")
    await people.hear_all()


async def _bring_stock(people: People) -> None:
    await people.logged("inventory", "BackorderQueued")
    await people.bring_stock()


STRAIGHT = Scenario("straight", Status.COMPLETED)
SECURE = Scenario("3-D Secure", Status.COMPLETED, method=SECURE_CARD, play=_approve)
PAID_AGAIN = Scenario("paid again", Status.COMPLETED, method=DECLINED_CARD, play=_pay_again)
UNTOLD = Scenario(
    "dispatch untold",
    Status.COMPLETED,
    unheard=frozenset({News.DISPATCHED, News.DELIVERED}),
    deadlines={"dispatch": SOON, "delivery": SOON},
)
UNTOLD_DELIVERY = Scenario(
    "delivery untold",
    Status.COMPLETED,
    unheard=frozenset({News.DELIVERED}),
    deadlines={"delivery": SOON},
)
OPEN_WINDOW: Final = {"return_window": timedelta(minutes=5)}
RETURNED = Scenario("returned", Status.RETURNED, deadlines=OPEN_WINDOW, play=_return_all)
RETURN_UNTOLD = Scenario(
    "return untold",
    Status.RETURNED,
    unheard=frozenset({News.RETURNED}),
    deadlines={**OPEN_WINDOW, "return_delivery": SOON},
    play=_return_all,
)
RETURN_LAPSED = Scenario(
    "return lapsed",
    Status.COMPLETED,
    postal_code=NEVER_COMES_BACK,
    deadlines={"return_window": timedelta(seconds=8), "return_delivery": SOON},
    play=_return_all,
)
SHORT = Scenario("short of stock", Status.REJECTED, in_stock=1)
BACKORDERED = Scenario(
    "backordered", Status.COMPLETED, in_stock=1, backorder=True, play=_bring_stock
)
CANCELLED = Scenario("cancelled", Status.CANCELLED, postal_code=NEVER_LEAVES, play=_cancel_late)
TOO_LATE = Scenario(
    "cancelled too late",
    Status.COMPLETED,
    unheard=frozenset({News.DISPATCHED, News.DELIVERED}),
    play=_cancel_too_late,
)
ADDRESS_REFUSED = Scenario("address refused", Status.CANCELLED, postal_code=REFUSED_THERE)
LOST = Scenario("lost", Status.CANCELLED, postal_code=IS_LOST)
PARKED = Scenario("capture refused", Status.COMPLETED, refused="capture")
REFUND_SETTLED = Scenario(
    "refund by hand",
    Status.RETURNED,
    deadlines=OPEN_WINDOW,
    refused="refund",
    settled_by_hand=True,
    play=_return_all,
)
