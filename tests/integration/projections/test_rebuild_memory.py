"""A rebuild needs as much memory for a long log as for a short one."""

from __future__ import annotations

import gc
import tracemalloc

import asyncpg
import pytest

from kit.pool import Pool
from projections.rebuild import filling
from projections.registry import projection_named
from tests.integration.projections.rebuilds import rebuilt, stock_in_bulk

MAX_GROWTH = 1_500_000
"""Bytes. The 18,000 further events would take ten times as much; garbage blurs the rest."""
INVENTORY = projection_named("inventory")


async def peak_of_a_rebuild(pool: Pool, events: int) -> int:
    """Return the most bytes that were in use beyond those before it."""
    gc.collect()
    tracemalloc.start()
    try:
        assert await rebuilt(pool, INVENTORY) == events
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_the_memory_of_a_rebuild_does_not_grow_with_the_log(
    owner: asyncpg.Connection, projecting: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "EVENTS_AT_ONCE", 500)
    await stock_in_bulk(owner, 500, 4)
    await rebuilt(projecting, INVENTORY)  # fills the caches
    short = await peak_of_a_rebuild(projecting, 2_000)
    await stock_in_bulk(owner, 5_000, 4, first=501)
    long = await peak_of_a_rebuild(projecting, 20_000)
    assert long < short + MAX_GROWTH
