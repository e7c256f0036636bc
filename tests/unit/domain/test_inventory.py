from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from pydantic import ValidationError

from domain.errors import ErrorCode
from domain.event import Event
from domain.inventory.commands import (
    AdjustmentReason,
    AdjustStock,
    CommitStock,
    InventoryCommand,
    QueueBackorder,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
)
from domain.inventory.decide import INVENTORY
from domain.inventory.events import (
    BackorderEnded,
    BackorderQueued,
    InventoryCommitted,
    InventoryReleased,
    InventoryReserved,
    StockAdjusted,
    StockReceived,
    StockReturned,
)
from domain.inventory.state import RETURNS_REMEMBERED
from eventstore import snapshots
from tests.support.order_parts import PLACED_AT
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
RETURN: Final = ReturnStock(aggregate_id="cup", order_id="o-1", quantity=2)
QUEUE: Final = QueueBackorder(aggregate_id="cup", order_id="o-1", quantity=3, since=PLACED_AT)
RETURNED: Final = StockReturned(sku="cup", order_id="o-1", quantity=2)
QUEUED: Final = BackorderQueued(sku="cup", order_id="o-1", quantity=3, since=PLACED_AT)
ENDED: Final = BackorderEnded(sku="cup", order_id="o-1", quantity=3)
LOSS: Final = StockAdjusted(sku="cup", difference=-2, reason=AdjustmentReason.LOST)
FIND: Final = StockAdjusted(sku="cup", difference=4, reason=AdjustmentReason.FOUND)


def adjust(difference: int, reason: AdjustmentReason = AdjustmentReason.COUNTED) -> AdjustStock:
    return AdjustStock(aggregate_id="cup", difference=difference, reason=reason)


def test_stock_is_received_each_time_it_comes() -> None:
    inventory.given([]).when(RECEIVE).then([RECEIVED])
    inventory.given([RECEIVED]).when(RECEIVE).then([RECEIVED])
    assert INVENTORY.fold([RECEIVED, RECEIVED]).on_hand == 10


def test_available_stock_is_reserved() -> None:
    inventory.given([RECEIVED]).when(RESERVE).then([RESERVED])


def test_the_last_piece_can_be_reserved() -> None:
    everything = ReserveStock(aggregate_id="cup", order_id="o-1", quantity=5)
    inventory.given([RECEIVED]).when(everything).then(
        [InventoryReserved(sku="cup", order_id="o-1", quantity=5)]
    )


@pytest.mark.parametrize(
    "history",
    [
        [],
        [StockReceived(sku="cup", quantity=2)],
        [RECEIVED, InventoryReserved(sku="cup", order_id="o-2", quantity=3)],
        [
            RECEIVED,
            InventoryReserved(sku="cup", order_id="o-2", quantity=4),
            InventoryCommitted(sku="cup", order_id="o-2", quantity=4),
        ],
    ],
)
def test_more_than_is_available_is_refused_with_the_sku(history: list[Event]) -> None:
    """The refusal does not name the stock, because the customer may see it."""
    refusal = inventory.given(history).when(RESERVE).then_refused(ErrorCode.OUT_OF_STOCK)
    assert (refusal.field, refusal.message) == (("cup",), "cup: 3 wanted, fewer available")


def test_an_order_reserves_a_sku_once() -> None:
    inventory.given([RECEIVED, RESERVED]).when(RESERVE).then([])


def test_a_repeated_reservation_needs_no_further_stock() -> None:
    other = InventoryReserved(sku="cup", order_id="o-2", quantity=2)
    inventory.given([RECEIVED, RESERVED, other]).when(RESERVE).then([])


def test_a_reservation_is_released_whole_and_once() -> None:
    inventory.given([RECEIVED, RESERVED]).when(RELEASE).then([RELEASED])
    inventory.given([RECEIVED, RESERVED, RELEASED]).when(RELEASE).then([])


def test_a_reservation_is_shipped_whole_and_once() -> None:
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
def test_stock_that_the_order_does_not_hold_is_not_moved(
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
        ([], (0, 0, 0, 0, 0)),
        ([RECEIVED], (5, 5, 0, 5, 0)),
        ([RECEIVED, RESERVED], (5, 5, 3, 2, 0)),
        ([RECEIVED, RESERVED, RELEASED], (5, 5, 0, 5, 0)),
        ([RECEIVED, RESERVED, COMMITTED], (5, 2, 0, 2, 3)),
        ([RECEIVED, RESERVED, COMMITTED, RETURNED], (5, 4, 0, 4, 1)),
        ([RECEIVED, QUEUED], (5, 5, 0, 5, 0)),
        ([RECEIVED, RESERVED, LOSS], (5, 3, 3, 0, 0)),
        ([RECEIVED, RESERVED, LOSS, LOSS], (5, 1, 3, -2, 0)),
        ([RECEIVED, RESERVED, FIND], (5, 9, 3, 6, 0)),
        ([RECEIVED, LOSS, FIND, RESERVED, COMMITTED], (5, 4, 0, 4, 3)),
    ],
)
def test_stock_is_on_hand_until_it_is_shipped_and_available_until_it_is_reserved(
    history: list[Event], counts: tuple[int, int, int, int, int]
) -> None:
    state = INVENTORY.fold(history)
    figures = (state.received, state.on_hand, state.reserved, state.available, state.shipped)
    assert figures == counts


def test_a_closed_reservation_is_not_kept() -> None:
    assert INVENTORY.fold([RECEIVED, RESERVED, COMMITTED]).reservations == {}


def test_an_event_leaves_the_state_before_it_alone() -> None:
    before = INVENTORY.fold([RECEIVED, RESERVED])
    for event in (RELEASED, COMMITTED, InventoryReserved(sku="cup", order_id="o-2", quantity=1)):
        INVENTORY.evolve(before, event)
    INVENTORY.evolve(INVENTORY.initial, RESERVED)

    assert before.reservations == {"o-1": 3}
    assert INVENTORY.initial.reservations == {}


def test_returned_goods_are_on_hand_again_once() -> None:
    sent = [RECEIVED, RESERVED, COMMITTED]
    inventory.given(sent).when(RETURN).then([RETURNED])
    inventory.given([*sent, RETURNED]).when(RETURN).then([])
    everything = ReserveStock(aggregate_id="cup", order_id="o-2", quantity=4)
    inventory.given([*sent, RETURNED]).when(everything).then(
        [InventoryReserved(sku="cup", order_id="o-2", quantity=4)]
    )


def test_no_more_goods_return_than_have_left() -> None:
    refusal = inventory.given([RECEIVED, RESERVED]).when(RETURN).then_refused(ErrorCode.WRONG_STATE)
    assert refusal.message == "cup: 2 to be returned, 0 have left"


def test_only_the_latest_returns_are_remembered() -> None:
    count = RETURNS_REMEMBERED + 1
    history: list[Event] = [StockReceived(sku="cup", quantity=count)]
    for kind in (InventoryReserved, InventoryCommitted, StockReturned):
        history += [kind(sku="cup", order_id=f"o-{n}", quantity=1) for n in range(count)]
    returns = INVENTORY.fold(history).returns
    assert (len(returns), returns[0]) == (RETURNS_REMEMBERED, "o-1")


def test_an_order_that_is_short_waits_once() -> None:
    inventory.given([]).when(QUEUE).then([QUEUED])
    inventory.given([QUEUED]).when(QUEUE).then([])


def test_an_order_that_has_its_pieces_does_not_wait() -> None:
    inventory.given([RECEIVED, RESERVED]).when(QUEUE).then([])


def test_an_order_keeps_pieces_that_are_there_while_another_of_its_products_is_short() -> None:
    inventory.given([RECEIVED]).when(QUEUE).then([QUEUED])
    other = inventory.given([RECEIVED, QUEUED]).when(reserves("o-2", 5))
    other.then_refused(ErrorCode.OUT_OF_STOCK)
    inventory.given([RECEIVED, QUEUED]).when(RESERVE).then([ENDED, RESERVED])


def test_waiting_ends_with_the_reservation() -> None:
    inventory.given([QUEUED, RECEIVED]).when(RESERVE).then([ENDED, RESERVED])
    assert INVENTORY.fold([QUEUED, RECEIVED, ENDED, RESERVED]).waiting == {}


def test_waiting_ends_when_the_order_is_given_up() -> None:
    inventory.given([QUEUED]).when(RELEASE).then([ENDED])
    inventory.given([QUEUED, ENDED]).when(RELEASE).then([])


def test_a_failed_reservation_keeps_the_order_in_the_queue() -> None:
    inventory.given([QUEUED]).when(RESERVE).then_refused(ErrorCode.OUT_OF_STOCK)
    inventory.given([QUEUED]).when(COMMIT).then([])


def waits(order_id: str, quantity: int, minute: int = 0) -> BackorderQueued:
    """Queue an order that began to wait this long after the first one."""
    since = PLACED_AT + timedelta(minutes=minute)
    return BackorderQueued(sku="cup", order_id=order_id, quantity=quantity, since=since)


def reserves(order_id: str, quantity: int) -> ReserveStock:
    return ReserveStock(aggregate_id="cup", order_id=order_id, quantity=quantity)


def test_orders_wait_in_the_order_they_were_placed_also_after_a_snapshot() -> None:
    """An order may be queued late: one of its products is short later than the others."""
    state = INVENTORY.fold([waits("o-2", 1, 2), waits("o-long", 1, 3), waits("a", 1, 1)])
    restored, _ = snapshots.restore(INVENTORY, snapshots.take(INVENTORY, state, 3))
    assert list(state.waiting) == list(restored.waiting) == ["a", "o-2", "o-long"]


def test_a_newcomer_does_not_pass_an_order_that_waits() -> None:
    history = [waits("o-2", 4), RECEIVED]
    inventory.given(history).when(reserves("o-1", 2)).then_refused(ErrorCode.OUT_OF_STOCK)
    inventory.given(history).when(QUEUE).then([QUEUED])


def test_a_newcomer_gets_what_the_orders_that_wait_leave() -> None:
    reserved = InventoryReserved(sku="cup", order_id="o-1", quantity=1)
    inventory.given([waits("o-2", 4), RECEIVED]).when(reserves("o-1", 1)).then([reserved])


def test_a_later_order_that_wakes_first_does_not_pass_an_earlier_one() -> None:
    history = [waits("o-1", 3), waits("o-2", 3, 1), RECEIVED]
    inventory.given(history).when(reserves("o-2", 3)).then_refused(ErrorCode.OUT_OF_STOCK)
    inventory.given(history).when(RESERVE).then([ENDED, RESERVED])


def test_an_order_too_large_for_the_stock_blocks_no_smaller_one_behind_it() -> None:
    history = [waits("o-large", 6), waits("o-1", 3, 1), RECEIVED]
    inventory.given(history).when(reserves("o-large", 6)).then_refused(ErrorCode.OUT_OF_STOCK)
    inventory.given(history).when(RESERVE).then([ENDED, RESERVED])


def test_pieces_are_kept_for_each_waiting_order_that_they_suffice_for() -> None:
    queued = [waits("a", 2), waits("large", 9, 1), waits("b", 2, 2), waits("c", 2, 3)]
    kept = INVENTORY.fold([*queued, RECEIVED]).kept
    assert (kept.served, kept.short, kept.left) == ({"a": 2, "b": 2}, {"large": 9, "c": 2}, 1)


def test_the_latest_reservations_are_short_also_after_a_snapshot() -> None:
    orders = ["z", "o-1", "a"]
    reserved = [InventoryReserved(sku="cup", order_id=each, quantity=1) for each in orders]
    state = INVENTORY.fold([RECEIVED, *reserved, LOSS, LOSS])
    restored, _ = snapshots.restore(INVENTORY, snapshots.take(INVENTORY, state, 6))
    assert restored == state
    assert state.short == restored.short == {"o-1": 1, "a": 1}


def test_no_order_is_short_while_every_reserved_piece_is_on_hand() -> None:
    assert INVENTORY.fold([RECEIVED, RESERVED, LOSS]).short == {}


@pytest.mark.parametrize("event", [RECEIVED, RELEASED, COMMITTED, FIND])
def test_an_order_is_short_until_its_pieces_are_there_or_it_has_none_reserved(event: Event) -> None:
    history = [RECEIVED, RESERVED, LOSS, LOSS]
    assert INVENTORY.fold(history).short == {"o-1": 3}
    assert INVENTORY.fold([*history, event]).short == {}


def test_pieces_that_came_back_without_an_order_are_on_hand() -> None:
    returned = StockAdjusted(sku="cup", difference=2, reason=AdjustmentReason.RETURNED)
    command = adjust(2, AdjustmentReason.RETURNED)
    inventory.given([RECEIVED]).when(command).then([returned])
    assert INVENTORY.fold([RECEIVED, returned]).available == 7


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        (-5, AdjustmentReason.DAMAGED),
        (-1, AdjustmentReason.LOST),
        (3, AdjustmentReason.FOUND),
        (-5, AdjustmentReason.COUNTED),
        (1_000_000, AdjustmentReason.COUNTED),
    ],
)
def test_stock_is_adjusted_by_the_difference(difference: int, reason: AdjustmentReason) -> None:
    adjusted = StockAdjusted(sku="cup", difference=difference, reason=reason)
    inventory.given([RECEIVED]).when(adjust(difference, reason)).then([adjusted])
    assert INVENTORY.fold([RECEIVED, adjusted]).available == 5 + difference


def test_the_same_adjustment_is_made_each_time() -> None:
    inventory.given([RECEIVED, LOSS]).when(adjust(-2, AdjustmentReason.LOST)).then([LOSS])


@pytest.mark.parametrize(
    ("history", "difference"),
    [([], -1), ([RECEIVED], -6), ([RECEIVED, RESERVED], -6), ([RECEIVED, RESERVED, LOSS], -4)],
)
def test_pieces_that_are_not_there_are_not_taken_away(
    history: list[Event], difference: int
) -> None:
    refusal = (
        inventory.given(history).when(adjust(difference)).then_refused(ErrorCode.INSUFFICIENT_STOCK)
    )
    assert refusal.field == ("input", "difference")


def test_reserved_pieces_are_taken_away_as_others() -> None:
    taken = StockAdjusted(sku="cup", difference=-5, reason=AdjustmentReason.LOST)
    inventory.given([RECEIVED, RESERVED]).when(adjust(-5, AdjustmentReason.LOST)).then([taken])


def test_the_refusal_of_an_adjustment_says_what_can_be_taken_away() -> None:
    refusal = (
        inventory.given([RECEIVED, RESERVED])
        .when(adjust(-6))
        .then_refused(ErrorCode.INSUFFICIENT_STOCK)
    )
    assert refusal.message == (
        "cup: 6 to be taken away, but 5 are on hand: take at most those away"
    )


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        (1, AdjustmentReason.DAMAGED),
        (1, AdjustmentReason.LOST),
        (-1, AdjustmentReason.FOUND),
        (-1, AdjustmentReason.RETURNED),
        *((0, reason) for reason in AdjustmentReason),
        (1_000_001, AdjustmentReason.COUNTED),
        (-1_000_001, AdjustmentReason.COUNTED),
    ],
)
def test_an_adjustment_has_a_difference_that_its_reason_can_have(
    difference: int, reason: AdjustmentReason
) -> None:
    with pytest.raises(ValidationError):
        adjust(difference, reason)


def test_pieces_that_were_found_can_be_reserved() -> None:
    everything = ReserveStock(aggregate_id="cup", order_id="o-1", quantity=9)
    inventory.given([RECEIVED, FIND]).when(everything).then(
        [InventoryReserved(sku="cup", order_id="o-1", quantity=9)]
    )
