"""Each event reaches an endpoint in the order of its stream, signed, and until it is accepted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from benchmarks.saga.driver import key_use
from eventstore import cloudevents
from tests.integration.webhooks.world import ACTOR, World
from tests.support.webhook_receiver import Received, Receiver, Respond, status


def failing(*ids: str) -> Respond:
    """Answer these events with a fault of the receiver, and accept all others."""

    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        await status(500 if received.id in ids else 204)(received, writer)

    return respond


async def test_an_event_arrives_as_a_signed_cloud_event(world: World, receiver: Receiver) -> None:
    webhook = await world.register(receiver.url)
    (event_id,) = await world.receive("cup")
    async with world.sending():
        (received,) = await receiver.until(1)
    assert received.headers["content-type"] == "application/cloudevents+json"
    assert received.id == event_id
    Webhook(webhook.secret).verify(received.body, dict(received.headers))
    stored = cloudevents.decode(received.body)
    assert [stored] == await world.store.load_events("inventory-cup")
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook.secret).verify(received.body + b" ", dict(received.headers))


async def test_an_endpoint_gets_the_events_from_its_registration_on(
    world: World, receiver: Receiver
) -> None:
    await world.receive("cup")
    await world.register(receiver.url)
    later = await world.receive("cup", "pot")
    async with world.sending():
        await receiver.until(2)
        later += await world.receive("cup")
        await receiver.until(3)
    assert sorted(receiver.ids) == sorted(later)


async def test_an_endpoint_gets_only_events_of_its_patterns(
    world: World, receiver: Receiver
) -> None:
    async with Receiver().listening() as other:
        await world.register(receiver.url, "inventory.StockReceived")
        await world.register(other.url, "order.*", "*.PaymentCaptured")
        ids = await world.receive("cup", "pot")
        async with world.sending():
            await receiver.until(2)
    assert sorted(receiver.ids) == sorted(ids)
    assert other.received == []


async def test_a_failing_event_holds_back_its_stream_and_no_other(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    first, other, second = await world.receive("cup", "pot", "cup")
    receiver.respond = failing(first)
    async with world.sending():
        await receiver.until(2)
        third, more = await world.receive("cup", "pot")
        await receiver.until(3)
        await world.until_attempted(webhook, 3)
        assert receiver.ids.count(first) == 1
        assert [i for i in receiver.ids if i != first] == [other, more]
        assert await world.waiting(webhook) == [first, second, third]

        receiver.respond = status(204)
        await world.pass_time(webhook, timedelta(seconds=10))
        await receiver.until(6)
        await world.until_attempted(webhook, 6)
    assert receiver.ids[-3:] == [first, second, third]
    assert await world.waiting(webhook) == []
    assert (await world.row(webhook))["failures"] == 0


async def test_a_receiver_that_was_down_for_a_day_gets_every_event_once_and_in_order(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    async with Receiver().listening() as gone:
        await world.registry.update(webhook.id, gone.url, None, None)
    async with world.sending():
        ids = await world.receive(*["cup", "pot", "pan"] * 20)
        for hours in (1, 2, 4, 8, 9):
            await world.until_attempted(webhook, len(await world.attempts(webhook)) + 1)
            await world.pass_time(webhook, timedelta(hours=hours))
        ids += await world.receive("cup", "pot")
        outcomes = {outcome for outcome, _ in await world.attempts(webhook)}
        assert outcomes == {"not_connected"}
        assert (await world.row(webhook))["disabled_at"] is None

        await world.registry.update(webhook.id, receiver.url, None, None)
        await world.pass_time(webhook, timedelta(hours=2))
        await receiver.until(62)
    assert sorted(receiver.ids) == sorted(ids)
    for sku in ("cup", "pot", "pan"):
        stream = f"inventory-{sku}"
        order = [str(event.event_id) for event in await world.store.load_events(stream)]
        assert [each.id for each in receiver.received if each.event["subject"] == stream] == order
    assert (await world.row(webhook))["failing_since"] is None


async def test_a_receiver_that_is_down_is_asked_once_a_pause(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    receiver.respond = status(503)
    await world.receive(*(f"sku-{number}" for number in range(100)))
    async with world.sending():
        await world.until_attempted(webhook, 1)
        asked = len(receiver.received)
        assert asked <= 8
        await world.pass_time(webhook, timedelta(minutes=5))
        await world.until_attempted(webhook, asked + 1)
        assert len(receiver.received) == asked + 1
    assert len(await world.waiting(webhook)) == 32
    assert (await world.row(webhook))["failures"] == 2


async def test_an_endpoint_that_fails_for_three_days_is_disabled_with_the_cause(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    (event_id,) = await world.receive("cup")
    receiver.respond = failing(event_id)
    async with world.sending():
        await world.until_attempted(webhook, 1)
        await world.pass_time(webhook, timedelta(hours=71))
        await world.until_attempted(webhook, 2)
        assert (await world.row(webhook))["disabled_at"] is None
        await world.pass_time(webhook, timedelta(hours=2))
        assert await world.until_disabled(webhook) == "FAILING"
        (other,) = await world.receive("pot")
        assert receiver.ids == [event_id] * 3

        receiver.respond = status(204)
        await world.registry.enable(webhook.id)
        await receiver.until(5)
    assert (await world.row(webhook))["disabled_at"] is None
    assert sorted(receiver.ids[3:]) == sorted([event_id, other])


async def test_an_endpoint_that_is_gone_is_disabled_at_once(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    (event_id,) = await world.receive("cup")
    receiver.respond = status(410)
    async with world.sending():
        assert await world.until_disabled(webhook) == "GONE"
    assert receiver.ids == [event_id]
    assert await world.waiting(webhook) == [event_id]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [("600", 590, 600), ("1000000", 21_500, 21_600), ("0", 3, 6), ("nonsense", 3, 6)],
)
async def test_a_receiver_that_asks_for_time_is_left_alone_within_limits(
    world: World, receiver: Receiver, asked: str, least: int, most: int
) -> None:
    webhook = await world.register(receiver.url)
    await world.receive("cup")
    receiver.respond = status(429, {"Retry-After": asked})
    async with world.sending():
        assert await world.until_attempted(webhook, 1) == [("rate_limited", 429)]
        pause = (await world.row(webhook))["pause"]
    assert timedelta(seconds=least) <= pause <= timedelta(seconds=most)
    assert len(receiver.received) == 1


async def test_many_failing_streams_in_a_row_pause_the_endpoint(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    receiver.respond = status(500)
    await world.receive(*(f"sku-{number}" for number in range(40)))
    async with world.sending():
        await world.until_attempted(webhook, 8)
        assert (await world.row(webhook))["pause"] > timedelta(seconds=3)
    assert len(receiver.received) < 20


async def test_a_rotated_secret_signs_beside_the_old_one_until_that_expires(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    rotated = await world.registry.rotate(
        webhook.id, key=key_use("rotateWebhookSecret"), must_expire_old=False
    )
    assert rotated.secret is not None
    await world.receive("cup")
    async with world.sending():
        (both,) = await receiver.until(1)
        for secret in (webhook.secret, rotated.secret):
            Webhook(secret).verify(both.body, dict(both.headers))
        await world.pass_time(webhook, timedelta(hours=25))
        await world.receive("cup")
        _, one = await receiver.until(2)
    Webhook(rotated.secret).verify(one.body, dict(one.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook.secret).verify(one.body, dict(one.headers))


async def test_a_test_event_is_sent_once_even_while_the_endpoint_waits(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    receiver.respond = status(503)
    await world.receive("cup")
    async with world.sending():
        await world.until_attempted(webhook, 1)
        key = key_use("testWebhook")
        event_id, is_repeated = await world.registry.test(webhook.id, key=key)
        assert not is_repeated
        await world.until_attempted(webhook, 2)
        assert await world.registry.test(webhook.id, key=key) == (event_id, True)
    test = receiver.received[-1]
    Webhook(webhook.secret).verify(test.body, dict(test.headers))
    assert (test.id, test.event["type"]) == (str(event_id), "waybill.WebhookTested.v1")
    assert test.event["data"] == {"webhook": str(webhook.id)}
    assert receiver.ids.count(str(event_id)) == 1
    assert str(event_id) not in await world.waiting(webhook)


async def test_a_replay_sends_everything_above_the_position_again(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    ids = await world.receive("cup", "cup", "cup")
    first, *_ = await world.store.load_events("inventory-cup")
    async with world.sending():
        await receiver.until(3)
        await world.registry.replay(webhook.id, first.position)
        await receiver.until(5)
    assert receiver.ids == [*ids, *ids[1:]]


async def test_a_disabled_endpoint_gets_nothing_until_it_is_enabled(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    await world.registry.disable(webhook.id, ACTOR)
    async with Receiver().listening() as other:
        await world.register(other.url)
        (event_id,) = await world.receive("cup")
        async with world.sending():
            await other.until(1)
            assert receiver.received == []
            await world.registry.enable(webhook.id)
            await receiver.until(1)
    assert receiver.ids == [event_id]


async def test_the_log_of_attempts_keeps_the_newest(world: World, receiver: Receiver) -> None:
    webhook = await world.register(receiver.url)
    await world.pool.execute(
        "INSERT INTO eventstore.webhook_attempt (endpoint_id, event_id, event_type, position, at,"
        " duration, outcome) SELECT $1, gen_random_uuid(), 'T', 1, clock_timestamp(), '1 s', 'old'"
        " FROM generate_series(1, 1500)",
        webhook.id,
    )
    await world.receive("cup", "cup")
    async with world.sending():
        await world.until(lambda: _is_logged(world, webhook.id))
    attempts = await world.attempts(webhook)
    assert len(attempts) == 1_000
    assert attempts[-2:] == [("delivered", 204)] * 2


async def _is_logged(world: World, webhook_id: object) -> bool:
    outcomes = await world.pool.fetchval(
        "SELECT outcomes FROM eventstore.webhook_endpoint WHERE id = $1", webhook_id
    )
    return bool(outcomes == '{"delivered": 2}')


async def test_an_endpoint_whose_position_the_log_has_lost_is_disabled_until_it_is_replayed(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    (event_id,) = await world.receive("cup")
    await world.pool.execute("UPDATE eventstore.webhook_endpoint SET position = 1000000")
    async with world.sending():
        assert await world.until_disabled(webhook) == "LOST"
        assert receiver.received == []
        await world.registry.replay(webhook.id, 0)
        await world.registry.enable(webhook.id)
        await receiver.until(1)
    assert receiver.ids == [event_id]
