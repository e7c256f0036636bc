"""The secrets are sealed by the master key, also after its rotation, and personal data stays so."""

from __future__ import annotations

import os

from standardwebhooks.webhooks import Webhook

from domain.privacy import Sealed
from eventstore import cloudevents
from eventstore.privacy.errors import Erased
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.rotation import count, rotate
from kit.pool import Pool
from tests.integration.webhooks.world import World
from tests.support.keys import MASTER_KEY, a_vault
from tests.support.order_log import OrderLog
from tests.support.webhook_receiver import Receiver

NEW = os.urandom(32)


async def test_a_rotated_master_key_opens_the_secrets(world: World, receiver: Receiver) -> None:
    webhook = await world.register(receiver.url)
    both = Keyring(NEW, [MASTER_KEY], setting="master_key")
    assert [p.rewrapped async for p in rotate(world.pool, both)] == [1]
    after = Keyring(NEW, setting="master_key")
    assert await count(world.pool, after) == (1, 1)
    await world.receive("cup")
    async with World(world.pool, world.store, after).sending():
        (received,) = await receiver.until(1)
    Webhook(webhook.secret).verify(received.body, dict(received.headers))


async def test_a_process_without_the_key_sends_nothing_and_loses_nothing(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    (event_id,) = await world.receive("cup")
    before = (await world.row(webhook))["position"]
    other = Keyring(NEW, setting="master_key")
    async with World(world.pool, world.store, other).sending():
        await world.until(lambda: _is_led(world.pool))
    assert receiver.received == []
    assert (await world.row(webhook))["position"] == before
    async with world.sending():
        await receiver.until(1)
    assert receiver.ids == [event_id]


async def _is_led(pool: Pool) -> bool:
    return await pool.fetchval("SELECT sender FROM eventstore.webhook_endpoint") is not None


async def test_personal_data_is_sent_sealed_and_is_gone_after_an_erasure(
    world: World, receiver: Receiver
) -> None:
    await world.register(receiver.url, "order.*")
    await OrderLog(world.store).place("o-1", customer_id="ada")
    async with world.sending():
        (received,) = await receiver.until(1)
    for clear in ("ada@byron", "1 Mill Lane", "Byron"):
        assert clear.encode() not in received.body
    event = cloudevents.decode(received.body).decode()
    assert isinstance(event.contact, Sealed)  # type: ignore[attr-defined]

    await world.pool.execute("DELETE FROM eventstore.subject_key WHERE subject = 'ada'")
    (opened,) = await a_vault(world.pool).open_each([(event, "contact")])
    assert isinstance(opened, Erased)
