"""The short form of `make chaos-bus`."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from tests.integration.eventbus.chaos import chaos
from tests.integration.eventbus.conftest import Broker
from tests.support.consuming import CREATE


async def test_no_kill_loses_repeats_or_reorders_an_effect(
    database_url: str, owner: asyncpg.Connection, broker: Broker, tmp_path: Path
) -> None:
    await owner.execute(CREATE)
    outcome = await chaos(database_url, broker, tmp_path, seconds=15)
    assert outcome.events > 100
    for found in outcome.found.values():
        assert found == outcome.expected
    assert (outcome.letters, outcome.missing_to) == (0, None)
    assert outcome.is_flawless
