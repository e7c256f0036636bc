"""Every bus gives a group the events that its subscription names."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from domain.order.events import OrderConfirmed, OrderReserved
from domain.payment.events import PaymentVoided
from eventbus.routing import BadSubscription
from eventstore.envelope import EventMetadata, StoredEvent
from kit.eventually import eventually
from kit.pool import Connection
from tests.support.bus_world import GROUP, World, reserved
from tests.support.consuming import Effects, versions


async def test_a_new_group_begins_with_the_oldest_message(world: World) -> None:
    await world.publish("order-1", *reserved(3))
    await world.bus.subscribe("*.*", world.see, group=GROUP)
    await world.sees(1, 2, 3)


async def test_each_group_gets_every_event(world: World) -> None:
    for group in ("one", "two"):
        await world.bus.subscribe("*.*", Effects(group), group=group)
    expected = await world.publish_orders(5, 3)
    for group in ("one", "two"):
        await world.has_versions(expected, group)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.*", [1, 2, 3]),
        ("order.*", [1, 2]),
        ("order.OrderConfirmed", [2]),
        ("*.OrderConfirmed", [2]),
        ("OrderConfirmed", [2]),
        ("payment.*", [3]),
        ("payment.OrderConfirmed", []),
    ],
)
async def test_a_pattern_chooses_events_by_category_and_type(
    world: World, pattern: str, expected: list[int]
) -> None:
    await world.bus.subscribe(pattern, world.see, group=GROUP)
    await world.publish("order-1", OrderReserved(order_id="1"), OrderConfirmed(order_id="1"))
    await world.publish("payment-1", PaymentVoided(order_id="1", attempt=1))
    await world.bus.subscribe("*.*", Effects("all"), group="all")
    await world.sees(*expected)
    await world.has_effects(3, "all")
    await world.sees(*expected)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"actor": "operator:eve"}, [2]),
        ({"correlationid": "c-1"}, [1, 2]),
        ({"subject": "order-2"}, [2]),
        ({"type": "waybill.OrderReserved.v1", "correlationid": "c-1"}, [1, 2]),
        ({"actor": "operator:nobody"}, []),
        ({"traceparent": "x"}, []),
    ],
)
async def test_filters_choose_events_by_their_headers(
    world: World, filters: dict[str, str], expected: list[int]
) -> None:
    await world.bus.subscribe("order.*", world.see, group=GROUP, filters=filters)
    by_system = EventMetadata(correlation_id="c-1", actor="system")
    by_eve = EventMetadata(correlation_id="c-1", actor="operator:eve")
    await world.publish("order-1", *reserved(), metadata=by_system)
    await world.publish("order-2", *reserved(), metadata=by_eve)
    await world.publish("order-3", *reserved())
    await world.bus.subscribe("*.*", Effects("all"), group="all")
    await world.has_effects(3, "all")
    await world.sees(*expected)


@pytest.mark.parametrize(
    ("pattern", "group", "filters", "says"),
    [
        ("order", GROUP, None, "'order' is no type of event"),
        ("orders.*", GROUP, None, "'orders' is no category of events"),
        ("order.OrderLost", GROUP, None, "'OrderLost' is no type of event"),
        ("order.>", GROUP, None, "'order.>' is no pattern"),
        ("*.*", GROUP, {"priority": "1"}, "no header 'priority' can be filtered by"),
        ("*.*", "My Group", None, "'My Group' is no name of a group"),
        ("*.*", "taken", None, "group taken has a subscription in this process already"),
    ],
)
async def test_a_subscription_that_cannot_match_is_refused_and_changes_nothing(
    world: World, pattern: str, group: str, filters: dict[str, str] | None, says: str
) -> None:
    await world.bus.subscribe("order.*", world.see, group="taken")
    with pytest.raises(BadSubscription, match="^" + says.replace("*", r"\*")):
        await world.bus.subscribe(pattern, Effects(GROUP), group=group, filters=filters)
    await world.publish("order-1", *reserved())
    await world.sees(1)
    assert await versions(world.pool, GROUP) == {}


async def test_an_unsubscribed_group_keeps_its_place(world: World) -> None:
    handler = Effects(GROUP)
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved(2))
    await world.has_versions({"order-1": [1, 2]})
    with pytest.raises(BadSubscription):
        await world.bus.unsubscribe("order.*", handler)
    await world.bus.unsubscribe("*.*", handler)
    await world.publish("order-1", *reserved(2))
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2]}
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.has_versions({"order-1": [1, 2, 3, 4]})


async def test_a_closed_bus_handles_nothing_more_and_ends_within_a_second(world: World) -> None:
    forever = asyncio.Event()

    async def hang(_: Connection, event: StoredEvent) -> None:
        world.seen.append(event)
        await forever.wait()

    bus = await world.broker.connect(world.pool)
    await bus.subscribe("*.*", hang, group=GROUP)
    await world.publish("order-1", *reserved(2))
    await eventually(lambda: len(world.seen) == 1, 20)
    started = monotonic()
    await bus.close()
    assert monotonic() - started < 2
    await world.publish("order-1", *reserved(2))
    assert len(world.seen) == 1
    assert await world.letters() == []
    assert await world.pool.fetchval("SELECT count(*) FROM eventstore.consumed_event") == 0
