"""An erasure deletes what a customer has chosen about notifications, and keeps suppressions."""

from __future__ import annotations

import asyncio
from datetime import time

import pytest

from eventstore.errors import VersionConflict
from eventstore.privacy.search_key import SearchKey
from notifications.categories import Category
from notifications.outbox import Channel
from notifications.preferences import Preferences, PreferenceStore
from notifications.quiet_hours import QuietHours
from notifications.suppressions import SuppressionReason, Suppressions
from projections.inline import InlineReadModels
from tests.integration.privacy.conftest import CONTACT, Log
from tests.integration.privacy.test_erasing import Failing, waits_for_a_lock
from tests.support.keys import SEARCH_KEY

CHOSEN = Preferences(
    frozenset({(Category.RETURNS, Channel.EMAIL)}),
    QuietHours(time(22), time(7)),
    "Europe/Zurich",
)


@pytest.fixture
def store(log: Log) -> PreferenceStore:
    return PreferenceStore(log.pool)


async def replay_the_erasure(log: Log) -> None:
    (erased,) = await log.store.load_events("customer-ada")
    async with log.pool.acquire() as connection:
        await InlineReadModels().apply(connection, [erased])


async def test_an_erasure_deletes_the_preferences_of_this_customer_alone(
    log: Log, store: PreferenceStore
) -> None:
    for customer in ("ada", "bob"):
        await store.set(customer, CHOSEN)
    await log.erase("ada")

    rows = await log.pool.fetch("SELECT customer_id FROM eventstore.notification_preference")
    assert [row["customer_id"] for row in rows] == ["bob"]
    assert await store.get("ada") == Preferences()


async def test_a_suppression_outlives_the_erasure_as_its_digest(log: Log) -> None:
    suppressions = Suppressions(log.pool, SearchKey(SEARCH_KEY))
    assert CONTACT.email is not None
    await log.place("o-1")
    await suppressions.suppress(CONTACT.email, SuppressionReason.COMPLAINED)
    await log.erase()

    rows = await log.pool.fetch("SELECT * FROM eventstore.email_suppression")
    digest = SearchKey(SEARCH_KEY).email_digest(CONTACT.email)
    assert [(row["email_digest"], row["reason"]) for row in rows] == [(digest, "complained")]


async def test_an_erasure_that_is_not_written_deletes_no_preferences(
    log: Log, store: PreferenceStore
) -> None:
    await store.set("ada", CHOSEN)
    log.inline = (InlineReadModels(), Failing())
    with pytest.raises(VersionConflict):
        await log.erase()

    assert await store.get("ada") == CHOSEN


async def test_an_erasure_replayed_spares_what_a_customer_who_came_back_has_chosen(
    log: Log, store: PreferenceStore
) -> None:
    await log.erase()
    await store.set("ada", CHOSEN)
    await replay_the_erasure(log)

    assert await store.get("ada") == CHOSEN


async def test_an_erasure_replayed_deletes_preferences_that_came_back_from_a_backup(
    log: Log, store: PreferenceStore
) -> None:
    await store.set("ada", CHOSEN)
    (row,) = await log.pool.fetch("SELECT * FROM eventstore.notification_preference")
    await log.erase()
    await log.pool.execute(
        "INSERT INTO eventstore.notification_preference VALUES ($1, $2, $3, $4, $5, $6, $7)", *row
    )
    await replay_the_erasure(log)

    assert await store.get("ada") == Preferences()


async def test_an_erasure_waits_for_preferences_that_are_being_set_and_deletes_them(
    log: Log,
) -> None:
    async with log.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO eventstore.notification_preference"
                " (customer_id, opted_out, made_after)"
                " VALUES ('ada', '{}', eventstore.position_of_new_key('ada'))"
            )
            erasing = asyncio.create_task(log.erase())
            await waits_for_a_lock(log)
        await erasing

    assert await log.pool.fetch("SELECT FROM eventstore.notification_preference") == []
