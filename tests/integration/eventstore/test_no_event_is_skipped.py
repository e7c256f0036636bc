"""Run the short form of `make prove-log`."""

from __future__ import annotations

from types import SimpleNamespace

import asyncpg
import pytest

from tests.integration.eventstore.proof import Load, mixed, prove, slow_beside_batches
from tests.integration.eventstore.readers import Account, Faults
from tests.integration.eventstore.writers import SLOW

SECONDS = 3.0
ANNOUNCE_NOTHING = """
    CREATE OR REPLACE FUNCTION eventstore.announcement(floor bigint) RETURNS bigint
    LANGUAGE sql RETURN floor  -- without bit 62 no reader sees it
"""


@pytest.mark.parametrize(
    "load",
    [
        mixed(SECONDS, seed=1),
        slow_beside_batches(SECONDS, synchronous_commit=True),
        slow_beside_batches(SECONDS, synchronous_commit=False),
    ],
    ids=["mixed", "synchronous_commit on", "synchronous_commit off"],
)
async def test_every_committed_event_is_seen_once_and_in_order_by_each_reader(
    database_url: str, load: Load
) -> None:
    outcome = await prove(database_url, load)

    assert outcome.committed > 300  # as many as a busy machine reaches, too
    assert outcome.is_flawless, outcome


async def test_the_proof_fails_when_appends_announce_nothing(
    database_url: str, owner: asyncpg.Connection
) -> None:
    await owner.execute(ANNOUNCE_NOTHING)
    load = Load([(60, SLOW)], seconds=2, pollers=1, followers=0)

    ((_, faults),) = (await prove(database_url, load)).faults
    assert faults.skipped > 0
    assert faults.never_committed == 0


def test_an_account_counts_what_a_reader_was_given_wrong() -> None:
    events = [("a", 1, 1), ("a", 2, 2), ("b", 1, 5), ("a", 3, 3), ("b", 1, 5), ("a", 5, 9)]
    account = Account()
    account.note([SimpleNamespace(stream_id=s, version=v, position=p) for s, v, p in events])  # type: ignore[misc]  # as much of an event as it looks at

    assert account.faults({1, 2, 3, 4, 5, 7}) == Faults(
        skipped=2, doubled=1, out_of_order=1, out_of_stream_order=2, never_committed=1
    )
