from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.inventory.commands import (
    CommitStock,
    InventoryCommand,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
)
from domain.inventory.decide import INVENTORY
from domain.inventory.events import (
    InventoryCommitted,
    InventoryReleased,
    InventoryReserved,
    StockReceived,
)
from tests.unit.domain.specification import Specification

inventory = Specification(INVENTORY)

RECEIVE: Final = ReceiveStock(aggregate_id="cup", quantity=5)
RESERVE: Final = ReserveStock(aggregate_id="cup", order_id="o-1", quantity=3)
RELEASE: Final = ReleaseStock(aggregate_id="cup", order_id="o-1")
COMMIT: Final = CommitStock(aggregate_id="cup", order_id="o-1")

RECEIVED: Final = StockReceived(sku="cup", quantity=5)
RESERVED: Final = InventoryReserved(sku="cup", order_id="o-1", quantity=3)
RELEASED: Final = InventoryReleased(sku="cup", order_id="o-1", quantity=3)
COMMITTED: Final = InventoryCommitted(sku="cup", order_id="o-1", quantity=3)


def test_stock_is_received_each_time_it_comes() -> None:
    inventory.given([]).when(RECEIVE).then([RECEIVED])
    inventory.given([RECEIVED]).when(RECEIVE).then([RECEIVED])
    assert INVENTORY.fold([RECEIVED, RECEIVED]).on_hand == 10


def test_stock_on_hand_is_reserved() -> None:
    inventory.given([RECEIVED]).when(RESERVE).then([RESERVED])


def test_the_last_piece_can_be_reserved() -> None:
    everything = ReserveStock(aggregate_id="cup", order_id="o-1", quantity=5)
    inventory.given([RECEIVED]).when(everything).then(
        [InventoryReserved(sku="cup", order_id="o-1", quantity=5)]
    )


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "cup: 3 wanted, 0 on hand"),
        ([StockReceived(sku="cup", quantity=2)], "cup: 3 wanted, 2 on hand"),
        (
            [RECEIVED, InventoryReserved(sku="cup", order_id="o-2", quantity=3)],
            "cup: 3 wanted, 2 on hand",
        ),
        (
            [
                RECEIVED,
                InventoryReserved(sku="cup", order_id="o-2", quantity=4),
                InventoryCommitted(sku="cup", order_id="o-2", quantity=4),
            ],
            "cup: 3 wanted, 1 on hand",
        ),
    ],
)
def test_more_than_is_on_hand_is_refused_with_the_sku(history: list[Event], message: str) -> None:
    refusal = inventory.given(history).when(RESERVE).then_refused(ErrorCode.OUT_OF_STOCK)
    assert (refusal.field, refusal.message) == (("cup",), message)


def test_an_order_reserves_a_sku_once() -> None:
    inventory.given([RECEIVED, RESERVED]).when(RESERVE).then([])


def test_a_repeated_reservation_needs_no_stock_a_second_time() -> None:
    other = InventoryReserved(sku="cup", order_id="o-2", quantity=2)
    inventory.given([RECEIVED, RESERVED, other]).when(RESERVE).then([])


def test_what_is_held_is_released_whole_and_once() -> None:
    inventory.given([RECEIVED, RESERVED]).when(RELEASE).then([RELEASED])
    inventory.given([RECEIVED, RESERVED, RELEASED]).when(RELEASE).then([])


def test_what_is_held_leaves_the_house_whole_and_once() -> None:
    inventory.given([RECEIVED, RESERVED]).when(COMMIT).then([COMMITTED])
    inventory.given([RECEIVED, RESERVED, COMMITTED]).when(COMMIT).then([])


@pytest.mark.parametrize("command", [RELEASE, COMMIT])
@pytest.mark.parametrize(
    "history",
    [
        [],
        [RECEIVED],
        [RECEIVED, RESERVED, RELEASED],
        [RECEIVED, RESERVED, COMMITTED],
        [RECEIVED, InventoryReserved(sku="cup", order_id="o-2", quantity=3)],
    ],
)
def test_what_the_order_does_not_hold_is_neither_released_nor_committed(
    history: list[Event], command: InventoryCommand
) -> None:
    inventory.given(history).when(command).then([])


def test_released_stock_can_be_reserved_by_another() -> None:
    other = ReserveStock(aggregate_id="cup", order_id="o-2", quantity=5)
    inventory.given([RECEIVED, RESERVED, RELEASED]).when(other).then(
        [InventoryReserved(sku="cup", order_id="o-2", quantity=5)]
    )


@pytest.mark.parametrize(
    ("history", "counts"),
    [
        ([], (0, 0, 0, 0)),
        ([RECEIVED], (5, 5, 0, 0)),
        ([RECEIVED, RESERVED], (5, 2, 3, 0)),
        ([RECEIVED, RESERVED, RELEASED], (5, 5, 0, 0)),
        ([RECEIVED, RESERVED, COMMITTED], (5, 2, 0, 3)),
    ],
)
def test_received_is_on_hand_and_reserved_and_shipped(
    history: list[Event], counts: tuple[int, int, int, int]
) -> None:
    state = INVENTORY.fold(history)
    assert (state.received, state.on_hand, state.reserved, state.shipped) == counts


def test_a_closed_reservation_is_not_kept() -> None:
    assert INVENTORY.fold([RECEIVED, RESERVED, COMMITTED]).reservations == {}


def test_an_event_leaves_the_state_before_it_alone() -> None:
    before = INVENTORY.fold([RECEIVED, RESERVED])
    for event in (RELEASED, COMMITTED, InventoryReserved(sku="cup", order_id="o-2", quantity=1)):
        INVENTORY.evolve(before, event)
    INVENTORY.evolve(INVENTORY.initial, RESERVED)

    assert before.reservations == {"o-1": 3}
    assert INVENTORY.initial.reservations == {}
