from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from kit.pool import Pool
from orchestrator.inbox import CLAIMED_FOR, KEPT_FOR, BeingHandled, Inbox, Webhook

WEBHOOK = Webhook("payments", "evt_1", "payment_intent.succeeded", "o1")


class Saga:
    """A saga that counts the notifications it gets."""

    def __init__(self) -> None:
        self.notified = 0

    async def notify(self) -> None:
        self.notified += 1

    async def fail(self) -> None:
        self.notified += 1
        raise ConnectionError


@pytest.fixture
def inbox(pool: Pool) -> Inbox:
    return Inbox(pool)


@pytest.fixture
def saga() -> Saga:
    return Saga()


async def age(pool: Pool, interval: timedelta) -> None:
    """Make all that is in the inbox older by this much."""
    await pool.execute(
        "UPDATE journal.webhook"
        " SET received_at = received_at - $1::interval, claimed_until = claimed_until - $1",
        interval,
    )


async def test_a_webhook_is_handled_once(inbox: Inbox, saga: Saga, pool: Pool) -> None:
    await inbox.handle_once(WEBHOOK, saga.notify)
    await inbox.handle_once(WEBHOOK, saga.notify)

    assert saga.notified == 1
    (row,) = await pool.fetch("SELECT * FROM journal.webhook")
    assert (row["provider"], row["event_id"]) == ("payments", "evt_1")
    assert (row["type"], row["order_id"]) == ("payment_intent.succeeded", "o1")
    assert row["received_at"] < row["handled_at"] < row["claimed_until"]


async def test_a_handled_webhook_stays_handled_after_its_claim(
    inbox: Inbox, saga: Saga, pool: Pool
) -> None:
    await inbox.handle_once(WEBHOOK, saga.notify)
    await age(pool, CLAIMED_FOR)
    await inbox.handle_once(WEBHOOK, saga.notify)

    assert saga.notified == 1


async def test_two_providers_may_give_the_same_id(inbox: Inbox, saga: Saga) -> None:
    await inbox.handle_once(WEBHOOK, saga.notify)
    await inbox.handle_once(Webhook("shipping", "evt_1", "delivered", "o1"), saga.notify)

    assert saga.notified == 2


async def test_a_webhook_that_failed_is_handled_when_it_comes_again(
    inbox: Inbox, saga: Saga
) -> None:
    with pytest.raises(ConnectionError):
        await inbox.handle_once(WEBHOOK, saga.fail)
    await inbox.handle_once(WEBHOOK, saga.notify)
    await inbox.handle_once(WEBHOOK, saga.notify)

    assert saga.notified == 2


async def test_one_of_two_concurrent_webhooks_is_handled(inbox: Inbox, saga: Saga) -> None:
    handling, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        handling.set()
        await go_on.wait()
        await saga.notify()

    first = asyncio.create_task(inbox.handle_once(WEBHOOK, slowly))
    await handling.wait()
    with pytest.raises(BeingHandled):
        await inbox.handle_once(WEBHOOK, saga.notify)
    assert saga.notified == 0
    go_on.set()
    await first
    await inbox.handle_once(WEBHOOK, saga.notify)

    assert saga.notified == 1


async def test_no_concurrent_webhook_is_handled_twice(inbox: Inbox, saga: Saga) -> None:
    async def deliver(handle: Callable[[], Awaitable[None]]) -> None:
        while True:  # the provider sends it again, as the answer asks
            try:
                await inbox.handle_once(WEBHOOK, handle)
            except BeingHandled:
                continue
            return

    await asyncio.gather(*(deliver(saga.notify) for _ in range(10)))

    assert saga.notified == 1


async def test_a_webhook_whose_handler_died_is_handled_after_its_claim_expires(
    inbox: Inbox, saga: Saga, pool: Pool
) -> None:
    handling = asyncio.Event()

    async def die() -> None:
        handling.set()
        await asyncio.Event().wait()

    dying = asyncio.create_task(inbox.handle_once(WEBHOOK, die))
    await handling.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    with pytest.raises(BeingHandled):
        await inbox.handle_once(WEBHOOK, saga.notify)
    await age(pool, CLAIMED_FOR)
    await inbox.handle_once(WEBHOOK, saga.notify)

    assert saga.notified == 1


async def test_new_webhooks_delete_old_ones(inbox: Inbox, saga: Saga, pool: Pool) -> None:
    for number in range(5):
        await inbox.handle_once(Webhook("payments", f"old_{number}", "t", "o1"), saga.notify)
    await age(pool, KEPT_FOR)
    await inbox.handle_once(WEBHOOK, saga.notify)
    assert await pool.fetchval("SELECT count(*) FROM journal.webhook") == 4

    for number in range(2):
        await inbox.handle_once(Webhook("payments", f"new_{number}", "t", "o1"), saga.notify)
    kept = await pool.fetch("SELECT event_id FROM journal.webhook ORDER BY event_id")
    assert [row["event_id"] for row in kept] == ["evt_1", "new_0", "new_1"]
