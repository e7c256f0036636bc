"""An order as it was costs one statement for its events, by their index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.order.events import OrderReserved
from domain.order.state import OrderStatus
from queries.order_history import NotReached, OrderHistory
from tests.integration.queries.statements import counted, explained
from tests.support.order_log import OrderLog


@pytest.fixture
def history(engine: AsyncEngine, log: OrderLog) -> OrderHistory:
    return OrderHistory(engine, log.store)


async def test_the_events_are_read_at_once_by_their_streams(
    engine: AsyncEngine, log: OrderLog, history: OrderHistory
) -> None:
    placed = await log.place("o1")
    await log.append("order-o1", OrderReserved(order_id="o1"))

    with counted(engine) as statements:
        order = await history.as_of("o1", placed)

    [statement] = statements
    assert order is not None
    assert (order.status, order.position) == (OrderStatus.PLACED, placed)
    assert "event_stream_version_key on event" in await explained(engine, statement)


async def test_an_order_that_was_never_placed_has_no_past(
    log: OrderLog, history: OrderHistory
) -> None:
    placed = await log.place("o1")

    assert await history.as_of("o2", placed) is None
    assert await history.at("o2", datetime.now(UTC)) is None


async def test_the_last_event_and_the_present_have_been_reached(
    log: OrderLog, history: OrderHistory
) -> None:
    placed = await log.place("o1")
    order = await history.as_of("o1", placed)
    assert order is not None

    await history.check_position(placed)
    await history.check_time(order.placed_at)

    with pytest.raises(NotReached):
        await history.check_position(placed + 1)
    with pytest.raises(NotReached):
        await history.check_time(order.placed_at + timedelta(hours=1))
