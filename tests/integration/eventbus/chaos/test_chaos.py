"""The short form of `make chaos-bus`."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.integration.eventbus.chaos.load import chaos
from tests.integration.eventbus.chaos.subjects import SUBJECTS
from tests.support.consuming import CREATE

NATS = "nats"
KAFKA = [pytest.param(name, marks=pytest.mark.long) for name in SUBJECTS if name != NATS]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", [NATS, *KAFKA])
async def test_no_fault_loses_repeats_or_reorders_an_effect(
    name: str, database_url: str, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute(CREATE)
    async with SUBJECTS[name](tmp_path) as subject:
        outcome = await chaos(database_url, subject, tmp_path, seconds=15)
    assert outcome.events >= 100
    assert sum(outcome.faults.values()) > 0
    for found in outcome.found.values():
        assert found == outcome.expected
    assert (outcome.letters, outcome.missing_to) == (0, None)
    assert outcome.is_flawless
