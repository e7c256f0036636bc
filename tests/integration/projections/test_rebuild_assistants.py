"""More processes fill a rebuild's copy; what one of them leaves, the rebuild fills itself."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kit.pool import Pool
from projections.projection import Projection
from projections.rebuild import filling
from projections.rebuild.assistants import ROOT, Assistants
from projections.rebuild.filling import Filling
from projections.rebuild.procedure import rebuild
from projections.rebuild.record import StreamRange
from projections.registry import projection_named
from tests.integration.projections.log import Log
from tests.integration.projections.rebuilds import (
    assert_agrees,
    request,
    stock_in_bulk,
    unseen,
)

INVENTORY = projection_named("inventory")
EVENTS = 12_000


@pytest.fixture
async def stocked(log: Log, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log of several ranges of streams."""
    monkeypatch.setattr(filling, "MIN_SAMPLED", 1)
    monkeypatch.setattr(filling, "EVENTS_AT_ONCE", 500)
    await stock_in_bulk(log.owner, 3_000, 4)
    await log.owner.execute("ANALYZE eventstore.event")
    return log


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The assistants that a test has started."""
    processes: list[Process] = []
    start = Assistants._started

    async def noted(
        self: Assistants, projection: Projection, ranges: Sequence[StreamRange]
    ) -> Process:
        processes.append(await start(self, projection, ranges))
        return processes[-1]

    monkeypatch.setattr(Assistants, "_started", noted)
    return processes


@pytest.fixture
def killed(started: list[Process], monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The assistants, of which each is killed before it has filled anything."""
    fill = Filling.fill

    async def kill_them(self: Filling, ranges: Sequence[StreamRange]) -> None:
        for process in started:
            if process.returncode is None:
                process.kill()
        await fill(self, ranges)

    monkeypatch.setattr(Filling, "fill", kill_them)
    return started


@pytest.fixture
def filled_here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of events on the pages that this process has read."""
    pages: list[int] = []
    read = Filling._page

    async def counted(self: Filling, *what: object) -> object:
        page = await read(self, *what)  # type: ignore[arg-type]
        pages.append(len(page))
        return page

    monkeypatch.setattr(Filling, "_page", counted)
    return pages


@pytest.mark.usefixtures("stocked")
async def test_assistants_fill_a_part_of_the_copy(
    projecting: Pool, projections_url: str, started: list[Process], filled_here: list[int]
) -> None:
    await request(projecting, INVENTORY)
    assistants = Assistants(projections_url, 2)
    assert await rebuild(projecting, INVENTORY, unseen, assistants=assistants) == EVENTS
    assert [process.returncode for process in started] == [0, 0]
    assert 0 < sum(filled_here) < EVENTS
    await assert_agrees(projecting)


@pytest.mark.usefixtures("stocked")
async def test_the_ranges_of_an_assistant_that_is_killed_are_filled_all_the_same(
    projecting: Pool,
    projections_url: str,
    killed: list[Process],
    filled_here: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await request(projecting, INVENTORY)
    assistants = Assistants(projections_url, 1)
    assert await rebuild(projecting, INVENTORY, unseen, assistants=assistants) == EVENTS
    assert [process.returncode for process in killed] == [-9]
    assert sum(filled_here) == EVENTS
    assert "an assistant of the rebuild ended with code -9" in caplog.messages
    await assert_agrees(projecting)


async def test_an_assistant_ends_with_the_process_that_started_it(
    stocked: Log, projections_url: str
) -> None:
    """It waits for the record, which the test has locked, when its standard input is closed."""
    async with stocked.owner.transaction():
        await stocked.owner.execute("LOCK TABLE eventstore.projection_rebuild")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "projections.rebuild.assistant"), cwd=ROOT, stdin=PIPE
        )
        assert process.stdin is not None
        order = {"url": projections_url, "name": "inventory", "ranges": []}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 20) == 1


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("projection", "rate"), [(INVENTORY, 1_000_000), (replace(INVENTORY, version=2), None)]
)
async def test_a_throttled_rebuild_and_one_that_no_registry_names_have_none(
    projecting: Pool,
    projections_url: str,
    started: list[Process],
    projection: Projection,
    rate: int | None,
) -> None:
    await request(projecting, projection, rate)
    assistants = Assistants(projections_url, 2)
    assert await rebuild(projecting, projection, unseen, assistants=assistants) == EVENTS
    assert started == []
    await assert_agrees(projecting)
