"""The short form of `make prove-log`."""

from __future__ import annotations

import pytest

from tests.integration.eventstore.proof import Load, mixed, prove, slow_beside_batches

SECONDS = 3.0


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

    assert outcome.committed > 1_000
    assert outcome.is_flawless, outcome
