"""A customer's notices come from the log: each final fact once, in order, from any position."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.event import Event
from domain.inventory.events import BackorderEnded, BackorderQueued
from domain.money import Money
from domain.order import events as o
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.price import Price
from domain.payment import events as p
from domain.saga.events import SagaParked, SagaRetried
from domain.shipping.events import TrackingNumberAssigned
from eventstore.envelope import StoredEvent
from eventstore.errors import PositionLost
from kit.pool import Pool, create_pool
from notifications.facts import Notice
from notifications.follower import Leader
from notifications.outbox import Channel
from queries.customer_events import CustomerEvents
from queries.feed import LiveFeed
from queries.notices import CustomerNotice, CustomerNotices, NoticeMessage, NoticesStart
from queries.updates import Lagged
from tests.support.lost_tail import lose_tail
from tests.support.order_log import OrderLog
from tests.support.order_parts import PLACED_AT

EUROS: Final = Money(amount=500, currency="EUR")
REFUND: Final = Price(currency="EUR", lines=500, total=500)
SHIPPED: Final = o.OrderShipped(order_id="o1")
NOT_FINAL: Final[Sequence[tuple[str, Event]]] = (
    ("order-o1", o.OrderReserved(order_id="o1")),
    ("payment-o1", p.PaymentRequested(order_id="o1", attempt=1, amount=EUROS, method="pm")),
    ("payment-o1", p.PaymentPending(order_id="o1", attempt=1, reference="r", action_url=None)),
    ("payment-o1", p.PaymentAuthorized(order_id="o1", attempt=1, reference="r", amount=EUROS)),
    ("order-o1", o.OrderAuthorized(order_id="o1")),
    ("order-o1", o.OrderConfirmed(order_id="o1")),
    ("order-o1", o.OrderCompleted(order_id="o1")),
    (
        "order-o1",
        o.OrderCancellationRequested(order_id="o1", reason=CancellationReason.CUSTOMER_REQUEST),
    ),
)


def parked(step: str, parking: int, code: str = "PROVIDER_REFUSED") -> SagaParked:
    return SagaParked(
        order_id="o1",
        step=step,
        undoing=step == "give_back",
        parking=parking,
        code=code,
        message="refused",
        workflow_id="order-o1",
    )


def queued(sku: str) -> BackorderQueued:
    return BackorderQueued(sku=sku, order_id="o1", quantity=1, since=PLACED_AT)


@pytest.fixture
async def notices(engine: AsyncEngine, log: OrderLog) -> AsyncIterator[CustomerNotices]:
    made = CustomerNotices.over(log.store, engine)
    yield made
    await made.feed.close()


@pytest.fixture
async def bounded(engine: AsyncEngine, log: OrderLog) -> AsyncIterator[CustomerNotices]:
    """Notices with a queue of 3 for each subscriber."""
    made = CustomerNotices.over(log.store, engine, queue_limit=3)
    yield made
    await made.feed.close()


@pytest.fixture
async def owner_pool(owner_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(owner_url) as pool:
        yield pool


async def next_message(following: AsyncIterator[NoticeMessage]) -> NoticeMessage:
    return await asyncio.wait_for(anext(following), 30)


async def said(following: AsyncIterator[NoticeMessage], count: int) -> list[tuple[Notice, int]]:
    """Return the kinds and positions of the next notices."""
    found = []
    for _ in range(count):
        message = await next_message(following)
        assert isinstance(message, CustomerNotice), message
        found.append((message.facts.kind, message.position))
    return found


async def all_facts(log: OrderLog) -> list[tuple[Notice, int]]:
    """Append every event that is a final fact, and others between them; return the facts."""
    reason = CancellationReason.PARCEL_LOST
    pending = p.PaymentPending(
        order_id="o1", attempt=1, reference="r", action_url="https://bank.example"
    )
    facts = [(Notice.RECEIVED, await log.place("o1", customer_id="ada"))]
    for kind, stream, event in (
        (Notice.WAITING_FOR_STOCK, "inventory-mug", queued("mug")),
        (None, "inventory-pot", queued("pot")),
        (None, "inventory-mug", BackorderEnded(sku="mug", order_id="o1", quantity=1)),
        *((None, *other) for other in NOT_FINAL),
        (Notice.PAYMENT_NEEDED, "payment-o1", pending),
        (
            Notice.PAYMENT_NEEDED,
            "payment-o1",
            p.PaymentDeclined(order_id="o1", attempt=1, reference="r", code="no"),
        ),
        (Notice.SHIPPED, "order-o1", SHIPPED),
        (Notice.DELIVERED, "order-o1", o.OrderDelivered(order_id="o1")),
        (None, "saga-o1", parked("refund", 1, code="TIMEOUT")),
        (None, "saga-o1", SagaRetried(order_id="o1", step="refund", parking=1, reason="again")),
        (None, "saga-o1", parked("capture", 2)),
        (Notice.REFUND_FAILED, "saga-o1", parked("refund", 3)),
        (None, "saga-o1", parked("give_back", 4)),
        (
            Notice.RETURNED,
            "order-o1",
            o.OrderReturned(
                order_id="o1", lines=(), refund=REFUND, refunded=REFUND.money, is_whole=True
            ),
        ),
        (Notice.RETURN_LAPSED, "order-o1", o.OrderReturnLapsed(order_id="o1")),
        (
            Notice.REFUNDED,
            "order-o1",
            o.OrderRefundEnded(order_id="o1", refund=1, refunded=REFUND.money),
        ),
        (Notice.CANCELLED, "order-o1", o.OrderCancelled(order_id="o1", reason=reason)),
    ):
        position = await log.append(stream, event)
        if kind is not None:
            facts.append((kind, position))
    facts.append((Notice.RECEIVED, await log.place("o2", customer_id="ada")))
    rejected = o.OrderRejected(order_id="o2", reason=RejectionReason.OUT_OF_STOCK, sku="mug")
    facts.append((Notice.REJECTED, await log.append("order-o2", rejected)))
    return facts


async def test_a_subscriber_gets_each_final_fact_live_once_and_in_order(
    notices: CustomerNotices, log: OrderLog
) -> None:
    following = notices.follow("ada", None)
    assert await next_message(following) == NoticesStart(0)
    taking = asyncio.create_task(said(following, 13))

    facts = await all_facts(log)

    assert {kind for kind, _ in facts} == set(Notice)
    assert await taking == facts
    await following.aclose()


async def test_resuming_after_each_fact_gives_those_above_it_and_nothing_twice(
    notices: CustomerNotices, log: OrderLog
) -> None:
    facts = await all_facts(log)

    for seen, (_, position) in enumerate([(None, 0), *facts]):
        following = notices.follow("ada", position)
        assert await said(following, len(facts) - seen) == facts[seen:]
        await following.aclose()

    following = notices.follow("ada", facts[-1][1])
    taking = asyncio.create_task(said(following, 1))
    shipped = await log.append("order-o1", SHIPPED)
    assert await taking == [(Notice.SHIPPED, shipped)]
    await following.aclose()


async def test_the_notices_are_the_facts_that_a_mail_is_written_for(
    notices: CustomerNotices, log: OrderLog, pool: Pool
) -> None:
    async with pool.acquire() as connection:
        leader = Leader(connection, log.store, Channel.EMAIL)
        await leader.start()
        facts = await all_facts(log)
        await leader.take(await log.store.load_all_events(leader.position))
    rows = await pool.fetch("SELECT kind, position FROM eventstore.notification ORDER BY position")
    following = notices.follow("ada", 0)

    assert [(row["kind"], row["position"]) for row in rows] == facts
    assert await said(following, len(facts)) == facts
    await following.aclose()


async def test_the_past_is_read_in_pages(
    notices: CustomerNotices, log: OrderLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queries.customer_events.PAGE", 2)
    facts = await all_facts(log)
    following = notices.follow("ada", 0)

    assert await said(following, len(facts)) == facts
    await following.aclose()


async def test_a_fact_that_is_said_once_is_not_said_to_a_subscriber_who_came_later(
    notices: CustomerNotices, log: OrderLog
) -> None:
    await log.place("o1", customer_id="ada")
    await log.append("inventory-mug", queued("mug"))
    following = notices.follow("ada", None)
    await next_message(following)

    await log.append("inventory-pot", queued("pot"))
    shipped = await log.append("order-o1", SHIPPED)

    assert await said(following, 1) == [(Notice.SHIPPED, shipped)]
    await following.aclose()


async def test_an_order_that_moved_on_before_it_was_queued_waits_for_no_stock(
    notices: CustomerNotices, log: OrderLog
) -> None:
    placed = await log.place("o1", customer_id="ada")
    following = notices.follow("ada", placed)
    taking = asyncio.create_task(said(following, 1))
    await log.append(*NOT_FINAL[-1])
    await log.append("inventory-mug", queued("mug"))
    shipped = await log.append("order-o1", SHIPPED)

    assert await taking == [(Notice.SHIPPED, shipped)]
    await following.aclose()
    resumed = notices.follow("ada", placed)
    assert await said(resumed, 1) == [(Notice.SHIPPED, shipped)]
    await resumed.aclose()


async def test_a_subscriber_gets_no_fact_of_another_customer(
    notices: CustomerNotices, log: OrderLog
) -> None:
    live, resumed = notices.follow("ada", None), notices.follow("ada", 0)
    await next_message(live)
    await log.place("o3", customer_id="eve")
    await log.append("order-o3", o.OrderShipped(order_id="o3"))
    await log.append(
        "inventory-mug", BackorderQueued(sku="mug", order_id="o3", quantity=1, since=PLACED_AT)
    )
    placed = await log.place("o1", customer_id="ada")

    for following in (live, resumed):
        assert await said(following, 1) == [(Notice.RECEIVED, placed)]
        await following.aclose()


async def test_a_start_is_the_customers_last_notice_and_shows_nothing_else(
    notices: CustomerNotices, log: OrderLog
) -> None:
    async def start() -> NoticeMessage:
        following = notices.follow("ada", None)
        found = await next_message(following)
        await following.aclose()
        return found

    assert await start() == NoticesStart(0)
    placed = await log.place("o1", customer_id="ada")
    assert await start() == NoticesStart(placed)
    for stream, event in NOT_FINAL:
        await log.append(stream, event)
    for parking, step in enumerate(("capture", "release"), start=1):
        await log.append("saga-o1", parked(step, parking))
    await log.place("o3", customer_id="eve")
    assert await start() == NoticesStart(placed)
    shipped = await log.append("order-o1", SHIPPED)
    assert await start() == NoticesStart(shipped)


async def test_a_subscriber_that_is_cut_before_the_first_notice_resumes_from_its_start(
    notices: CustomerNotices, log: OrderLog
) -> None:
    await log.place("o1", customer_id="ada")
    following = notices.follow("ada", None)
    start = await next_message(following)
    await following.aclose()
    shipped = await log.append("order-o1", SHIPPED)

    resumed = notices.follow("ada", start.position)

    assert await said(resumed, 1) == [(Notice.SHIPPED, shipped)]
    await resumed.aclose()


async def test_no_notice_is_lost_or_repeated_while_writers_race_the_join(
    notices: CustomerNotices, log: OrderLog
) -> None:
    async def write(number: int) -> list[int]:
        placed = await log.place(f"o-{number}", customer_id="ada")
        shipped = o.OrderShipped(order_id=f"o-{number}")
        return [placed, await log.append(f"order-o-{number}", shipped)]

    writing = asyncio.gather(*(write(number) for number in range(30)))
    seen: list[int] = []
    position = 0
    while len(seen) < 60:
        following = notices.follow("ada", position)
        async for message in following:
            if isinstance(message, CustomerNotice):
                seen.append(message.position)
            position = message.position
            if len(seen) % 7 == 0 or len(seen) == 60:
                break
        await following.aclose()

    assert seen == sorted(position for both in await writing for position in both)


async def test_a_notice_that_is_read_before_the_feed_hands_it_out_comes_once(
    engine: AsyncEngine, log: OrderLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_held, may_hand_out = asyncio.Event(), asyncio.Event()
    customers = CustomerEvents.customers

    async def held(events: CustomerEvents, page: Sequence[StoredEvent]) -> Sequence[str]:
        is_held.set()
        await may_hand_out.wait()
        return await customers(events, page)

    monkeypatch.setattr(CustomerEvents, "customers", held)
    notices = CustomerNotices.over(log.store, engine)
    first = notices.follow("ada", None)
    await next_message(first)
    placed = await log.place("o1", customer_id="ada")
    await is_held.wait()
    resumed = notices.follow("ada", 0)
    assert await said(resumed, 1) == [(Notice.RECEIVED, placed)]
    may_hand_out.set()
    shipped = await log.append("order-o1", SHIPPED)

    assert await said(resumed, 1) == [(Notice.SHIPPED, shipped)]
    assert await said(first, 2) == [(Notice.RECEIVED, placed), (Notice.SHIPPED, shipped)]
    await notices.feed.close()


async def test_a_slow_subscriber_gets_its_position_and_resumes_from_it(
    bounded: CustomerNotices, log: OrderLog
) -> None:
    following = bounded.follow("ada", None)
    await next_message(following)
    async with bounded.feed.listen(["eve"]) as marker:
        placed = [await log.place(f"o-{number}", customer_id="ada") for number in range(9)]
        await log.place("marker", customer_id="eve")
        await asyncio.wait_for(marker.next(), 30)  # the feed has handed out all before it

    received = [message async for message in following]

    taken = [message.position for message in received[:-1]]
    assert taken == placed[: len(taken)]
    assert received[-1] == Lagged(taken[-1])
    resumed = bounded.follow("ada", taken[-1])
    rest = placed[len(taken) :]
    assert [position for _, position in await said(resumed, len(rest))] == rest
    await resumed.aclose()
    assert bounded.feed.listeners == 0


async def test_the_notices_of_an_event_are_read_once_for_all_subscribers(
    notices: CustomerNotices, log: OrderLog
) -> None:
    both = [notices.follow("ada", None) for _ in range(2)]
    for following in both:
        await next_message(following)
    await log.place("o1", customer_id="ada")

    first, second = [await next_message(following) for following in both]

    assert first is second
    for following in both:
        await following.aclose()


async def test_a_shipped_notice_has_the_tracking_number(
    notices: CustomerNotices, log: OrderLog
) -> None:
    numbered = TrackingNumberAssigned(
        order_id="o1", tracking_number="T-1", carrier="Post", tracking_url=None
    )
    placed = await log.place("o1", customer_id="ada")
    await log.append("shipment-o1", numbered)
    await log.append("order-o1", SHIPPED)
    following = notices.follow("ada", placed)

    message = await next_message(following)

    assert isinstance(message, CustomerNotice)
    assert message.facts.tracking == numbered
    await following.aclose()


async def test_a_lost_tail_ends_the_subscriber_with_an_error(
    notices: CustomerNotices, log: OrderLog, owner_pool: Pool
) -> None:
    placed = await log.place("o1", customer_id="ada")
    following = notices.follow("ada", None)
    await next_message(following)
    await log.append("order-o1", SHIPPED)
    await said(following, 1)
    await lose_tail(owner_pool, placed)

    with pytest.raises(PositionLost):
        await next_message(following)
    with pytest.raises(PositionLost):
        await next_message(notices.follow("ada", placed + 1))


async def test_a_feed_without_subscribers_reads_nothing(
    notices: CustomerNotices, log: OrderLog
) -> None:
    following = notices.follow("ada", None)
    await next_message(following)
    feed: LiveFeed = notices.feed
    assert (feed.listeners, feed.is_reading) == (1, True)
    await log.place("o1", customer_id="ada")
    await said(following, 1)

    await following.aclose()

    assert (feed.listeners, feed.is_reading) == (0, False)
