from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.order.events import OrderAuthorized, OrderReserved
from domain.order.state import OrderStatus
from domain.payment.events import PaymentRequested
from eventstore.errors import PositionLost
from kit.pool import CONNECTION_LOST, Pool, create_pool
from queries.feed import LiveFeed
from queries.orders import OrderQueries
from queries.updates import Lagged, OrderUpdates, Update
from stack.postgres import connected
from tests.support.lost_tail import lose_tail
from tests.support.order_log import OrderLog

REQUESTED = PaymentRequested(
    order_id="o1", attempt=1, amount=Money(amount=500, currency="EUR"), method="pm"
)
RESERVED = OrderReserved(order_id="o1")
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'waybill'
"""
AUTHORIZED = OrderAuthorized(order_id="o1")


@pytest.fixture
async def pool(owner_url: str) -> AsyncIterator[Pool]:
    """A pool with the owner's role, because these tests do what no process may do."""
    async with await create_pool(owner_url) as pool:
        yield pool


@pytest.fixture
async def feed(log: OrderLog) -> AsyncIterator[LiveFeed]:
    feed = LiveFeed(log.store, queue_limit=3)
    yield feed
    await feed.close()


@pytest.fixture
def updates(engine: AsyncEngine, log: OrderLog, feed: LiveFeed) -> OrderUpdates:
    return OrderUpdates(log.store, feed, OrderQueries(engine))


async def next_update(following: AsyncIterator[Update | Lagged]) -> Update:
    update = await asyncio.wait_for(anext(following), 5)
    assert isinstance(update, Update)
    return update


def facts(update: Update) -> tuple[str | None, int]:
    assert update.order.position >= update.position or update.event_type is None
    return update.event_type, update.position


async def test_a_follower_without_a_position_gets_the_state_first(
    updates: OrderUpdates, log: OrderLog
) -> None:
    placed = await log.place("o1")
    following = updates.follow("o1", None)

    assert facts(await next_update(following)) == (None, placed)
    reserved = await log.append("order-o1", RESERVED)
    update = await next_update(following)

    assert facts(update) == ("OrderReserved", reserved)
    assert update.order.status is OrderStatus.RESERVED
    await following.aclose()


async def test_events_of_the_order_its_payment_and_its_shipment_come_in_the_logs_order(
    updates: OrderUpdates, log: OrderLog
) -> None:
    placed = await log.place("o1")
    reserved = await log.append("order-o1", RESERVED)
    requested = await log.append("payment-o1", REQUESTED)
    following = updates.follow("o1", 0)
    past = [facts(await next_update(following)) for _ in range(3)]
    authorized = await log.append("order-o1", AUTHORIZED)

    assert past == [
        ("OrderCreated", placed),
        ("OrderReserved", reserved),
        ("PaymentRequested", requested),
    ]
    assert facts(await next_update(following)) == ("OrderAuthorized", authorized)
    await following.aclose()


async def test_resuming_after_each_position_gives_what_follows_and_nothing_twice(
    updates: OrderUpdates, log: OrderLog
) -> None:
    positions = [await log.place("o1")]
    positions.append(await log.append("order-o1", RESERVED))
    positions.append(await log.append("payment-o1", REQUESTED))

    for seen, position in enumerate(positions[:-1], start=1):
        following = updates.follow("o1", position)
        rest = [(await next_update(following)).position for _ in positions[seen:]]
        assert rest == positions[seen:]
        await following.aclose()


async def test_another_orders_events_are_not_delivered(
    updates: OrderUpdates, log: OrderLog
) -> None:
    placed = await log.place("o1")
    following = updates.follow("o1", placed)
    waiting = asyncio.ensure_future(next_update(following))
    await log.place("o2")
    reserved = await log.append("order-o1", RESERVED)

    assert facts(await waiting) == ("OrderReserved", reserved)
    await following.aclose()


async def test_no_event_is_lost_or_repeated_while_writers_race_the_join(
    updates: OrderUpdates, log: OrderLog
) -> None:
    placed = await log.place("o1")
    writing = asyncio.gather(*(log.append("order-o1", RESERVED) for _ in range(40)))
    seen: list[int] = []
    position = placed
    while len(seen) < 40:
        following = updates.follow("o1", position)
        async for update in following:
            if isinstance(update, Update):
                seen.append(update.position)
            position = update.position
            if len(seen) % 7 == 0 or len(seen) == 40:
                break
        await following.aclose()

    assert seen == sorted(await writing)


async def test_a_slow_subscriber_gets_its_position_and_resumes_from_it(
    updates: OrderUpdates, log: OrderLog, feed: LiveFeed
) -> None:
    await log.place("o1")
    following = updates.follow("o1", None)
    await next_update(following)
    async with feed.listen(["order-marker"]) as marker:
        positions = [await log.append("order-o1", RESERVED) for _ in range(9)]
        await log.place("marker")
        await asyncio.wait_for(marker.next(), 5)  # the feed has read all before it hands out any

    received = [update async for update in following]

    assert [update.position for update in received[:-1]] == positions[:3]
    assert received[-1] == Lagged(positions[2])
    resumed = updates.follow("o1", positions[2])
    rest = [(await next_update(resumed)).position for _ in positions[3:]]
    assert rest == positions[3:]
    await resumed.aclose()
    assert feed.listeners == 0


async def test_an_order_that_does_not_exist_has_no_updates(
    updates: OrderUpdates, feed: LiveFeed
) -> None:
    assert [update async for update in updates.follow("nothing", None)] == []
    assert feed.listeners == 0


async def test_one_reader_serves_everybody_and_stops_with_the_last(
    updates: OrderUpdates, log: OrderLog, feed: LiveFeed
) -> None:
    await log.place("o1")
    followers = [updates.follow("o1", None) for _ in range(5)]
    for following in followers:
        await next_update(following)
    reader = next(task for task in asyncio.all_tasks() if task.get_name() == "live-feed")
    assert (feed.listeners, feed.is_reading) == (5, True)

    for following in followers:
        await following.aclose()
    await asyncio.wait([reader], timeout=5)

    assert (feed.listeners, feed.is_reading, reader.done()) == (0, False, True)


async def test_closing_the_feed_ends_waiting_listeners(
    updates: OrderUpdates, log: OrderLog, feed: LiveFeed
) -> None:
    await log.place("o1")
    following = updates.follow("o1", None)
    await next_update(following)
    waiting = asyncio.ensure_future(anext(following, None))

    await feed.close()

    assert await asyncio.wait_for(waiting, 5) is None


async def test_cutting_every_connection_to_the_log_loses_no_event(
    updates: OrderUpdates, log: OrderLog, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.restart.FIRST_PAUSE_SECONDS", 0.01)
    await log.place("o1")
    following = updates.follow("o1", None)
    await next_update(following)

    async with connected(owner_url) as other:
        await other.execute(CUT)
    reserved = await appended_at_last(log)

    assert facts(await next_update(following)) == ("OrderReserved", reserved)
    await following.aclose()


async def test_a_subscriber_notices_other_events_in_the_place_of_a_lost_tail(
    updates: OrderUpdates, log: OrderLog, owner_url: str, pool: Pool
) -> None:
    placed = await log.place("o1")
    following = updates.follow("o1", None)
    await next_update(following)
    reserved = await log.append("order-o1", RESERVED)
    assert facts(await next_update(following)) == ("OrderReserved", reserved)

    async with connected(owner_url) as other:
        await other.execute(CUT)
    await reconnected(pool)
    await lose_tail(pool, placed)
    await log.place("o2")
    await log.place("o3")

    with pytest.raises(PositionLost):
        await next_update(following)


async def reconnected(pool: Pool) -> None:
    """Wait until the pool hands out no connection that was cut."""
    async with asyncio.timeout(5):
        while True:
            with suppress(*CONNECTION_LOST):
                await pool.fetchval("SELECT 1")
                return


async def appended_at_last(log: OrderLog) -> int:
    """Append, and retry while the pool hands out a cut connection: such a try appends nothing."""
    while True:
        with suppress(*CONNECTION_LOST):
            return await log.append("order-o1", RESERVED)


async def test_a_feed_whose_connection_was_cut_can_still_be_closed(
    updates: OrderUpdates, log: OrderLog, owner_url: str, feed: LiveFeed
) -> None:
    await log.place("o1")
    following = updates.follow("o1", None)
    await next_update(following)
    async with connected(owner_url) as other:
        await other.execute(CUT)

    async with asyncio.timeout(5):
        await feed.close()
