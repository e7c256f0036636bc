"""No sequence of commands makes or loses stock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domain.errors import ErrorCode, Refused
from domain.inventory import commands as c
from domain.inventory.decide import INVENTORY
from tests.support.order_parts import PLACED_AT

ORDERS: Final = st.sampled_from(["o-1", "o-2", "o-3"])
QUANTITIES: Final = st.integers(min_value=1, max_value=6)


class Stock(RuleBasedStateMachine):
    """Compare the aggregate with a shelf, holds and a van that are counted piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.state = INVENTORY.initial
        self.received = 0
        self.adjusted = 0
        self.shelf = 0
        self.held: dict[str, int] = {}
        self.van = 0
        self.sent: dict[str, int] = {}
        self.returned: set[str] = set()
        self.waiting: dict[str, int] = {}
        self.moment = PLACED_AT

    @rule(quantity=QUANTITIES)
    def receive(self, quantity: int) -> None:
        assert self._run(c.ReceiveStock(aggregate_id="cup", quantity=quantity)) == 1
        self.received += quantity
        self.shelf += quantity

    @rule(difference=QUANTITIES | QUANTITIES.map(lambda quantity: -quantity))
    def adjust(self, difference: int) -> None:
        command = c.AdjustStock(
            aggregate_id="cup", difference=difference, reason=c.AdjustmentReason.COUNTED
        )
        if -difference > max(self.on_hand, 0):
            self._is_refused(command, ErrorCode.INSUFFICIENT_STOCK)
        else:
            assert self._run(command) == 1
            self.adjusted += difference
            self.shelf += difference

    @rule(order_id=ORDERS, quantity=QUANTITIES)
    def reserve(self, order_id: str, quantity: int) -> None:
        quantity = self.waiting.get(order_id, quantity)  # an order does not change what it wants
        command = c.ReserveStock(aggregate_id="cup", order_id=order_id, quantity=quantity)
        if order_id in self.held:
            assert self._run(command) == 0
        elif quantity > self._pieces_for(order_id):
            self._is_refused(command, ErrorCode.OUT_OF_STOCK)
        else:
            assert self._run(command) == 1 + (order_id in self.waiting)
            self.waiting.pop(order_id, None)
            self.shelf -= quantity
            self.held[order_id] = quantity

    @rule(order_id=ORDERS)
    def release(self, order_id: str) -> None:
        changes = self._run(c.ReleaseStock(aggregate_id="cup", order_id=order_id))
        assert changes == (order_id in self.held) + (order_id in self.waiting)
        self.waiting.pop(order_id, None)
        self.shelf += self.held.pop(order_id, 0)

    @rule(order_id=ORDERS)
    def commit(self, order_id: str) -> None:
        changes = self._run(c.CommitStock(aggregate_id="cup", order_id=order_id))
        assert changes == (order_id in self.held)
        quantity = self.held.pop(order_id, 0)
        self.van += quantity
        self.sent[order_id] = self.sent.get(order_id, 0) + quantity

    @rule(order_id=ORDERS, quantity=QUANTITIES)
    def take_back(self, order_id: str, quantity: int) -> None:
        if self.sent.get(order_id, 0) < quantity and order_id not in self.returned:
            return
        command = c.ReturnStock(aggregate_id="cup", order_id=order_id, quantity=quantity)
        if self._run(command):
            assert order_id not in self.returned
            self.returned.add(order_id)
            self.van -= quantity
            self.shelf += quantity

    @rule(order_id=ORDERS, quantity=QUANTITIES)
    def wait(self, order_id: str, quantity: int) -> None:
        command = c.QueueBackorder(
            aggregate_id="cup", order_id=order_id, quantity=quantity, since=self._next_moment()
        )
        waits = order_id not in self.held and order_id not in self.waiting
        assert self._run(command) == waits
        if waits:
            self.waiting[order_id] = quantity

    @invariant()
    def the_aggregate_counts_as_we_do(self) -> None:
        state = self.state
        assert (state.received, state.available, state.shipped) == (
            self.received,
            self.shelf,
            self.van,
        )
        assert state.reservations == self.held
        assert list(state.waiting.items()) == list(self.waiting.items())

    @invariant()
    def received_and_adjusted_are_on_hand_or_shipped(self) -> None:
        state = self.state
        assert state.received + self.adjusted == state.on_hand + state.shipped
        assert state.on_hand == state.available + state.reserved

    @invariant()
    def orders_are_short_only_while_more_is_reserved_than_is_on_hand(self) -> None:
        assert self.state.available < 0 or not self.state.short
        covered = sum(self.held.values()) - sum(self.state.short.values())
        assert covered <= max(self.on_hand, 0)

    @invariant()
    def no_order_reserves_or_returns_what_is_not_there(self) -> None:
        assert min(self.state.reserved, self.state.shipped) >= 0

    @property
    def on_hand(self) -> int:
        return self.shelf + sum(self.held.values())

    def _pieces_for(self, order_id: str) -> int:
        """Return the pieces that the orders which have waited longer leave for this one."""
        left = self.shelf
        for other, quantity in self.waiting.items():
            if other == order_id:
                return left
            left -= quantity if quantity <= left else 0
        return left

    def _next_moment(self) -> datetime:
        self.moment += timedelta(minutes=1)
        return self.moment

    def _run(self, command: c.InventoryCommand) -> int:
        events = INVENTORY.decide(command, self.state)
        self.state = INVENTORY.fold(events, self.state)
        return len(events)

    def _is_refused(self, command: c.InventoryCommand, code: ErrorCode) -> None:
        with pytest.raises(Refused) as caught:
            self._run(command)
        assert caught.value.code is code


def test_stock_is_neither_made_nor_lost() -> None:
    run_state_machine_as_test(Stock, settings=settings(max_examples=60, stateful_step_count=25))
