"""No message is lost while its sender is killed, and only one of unknown outcome is sent again."""

from __future__ import annotations

import random
from asyncio.subprocess import Process
from collections import Counter
from contextlib import AbstractAsyncContextManager

import pytest

from kit.eventually import eventually
from kit.pool import Pool
from notifications.push.sender import IN_FLIGHT
from tests.integration.notifications.orders import Customer, deliver, place
from tests.support import push_worker
from tests.support.beside import program
from tests.support.keys import MASTER_KEY, SEARCH_KEY
from tests.support.order_log import OrderLog
from tests.support.push import Browser, Pushing
from tests.support.webhook_receiver import Receiver

KILLS = 5
MESSAGES_BETWEEN_KILLS = 30
MESSAGES_OF_AN_ORDER = 3
SENT = "SELECT id::text FROM eventstore.notification WHERE state = 'sent'"
ATTEMPTS = "SELECT id::text, attempts FROM eventstore.notification WHERE state = 'sending'"
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
"""


def sending(url: str) -> AbstractAsyncContextManager[Process]:
    return program(push_worker, url, MASTER_KEY.hex(), SEARCH_KEY.hex())


@pytest.mark.timeout(300)
async def test_kills_lose_no_message_and_repeat_only_those_of_unknown_outcome(
    log: OrderLog, pushing: Pushing, service: Receiver, database_url: str
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    orders = KILLS * MESSAGES_BETWEEN_KILLS * 2 // MESSAGES_OF_AN_ORDER
    for _ in range(orders):
        await deliver(log, await place(log, ada))
    times = random.Random(KILLS)  # noqa: S311 - no secret
    unknown: set[tuple[str, int]] = set()

    for _ in range(KILLS):
        wanted = len(service.received) + times.randint(1, MESSAGES_BETWEEN_KILLS)
        async with sending(database_url) as process:
            await eventually(lambda: len(service.received) >= wanted, 60, 0.001)  # noqa: B023
            process.kill()
        await eventually(lambda: is_alone(pushing.pool), 30)
        now = {(row[0], row[1]) for row in await pushing.pool.fetch(ATTEMPTS)}
        assert len(now - unknown) <= IN_FLIGHT
        unknown |= now
    async with sending(database_url):
        await eventually(pushing.is_settled, 120, 0.1)

    counts = Counter(message["id"] for message in browser.messages(service.received))
    assert {row[0] for row in await pushing.pool.fetch(SENT)} == set(counts)
    assert len(counts) == orders * MESSAGES_OF_AN_ORDER
    repeats = counts - Counter(dict.fromkeys(counts, 1))
    assert repeats <= Counter(message for message, _ in unknown)


async def is_alone(pool: Pool) -> bool:
    """Return whether the statements of the killed process have ended."""
    return bool(await pool.fetchval(OTHERS) == 0)
