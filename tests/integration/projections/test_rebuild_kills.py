"""A rebuild ends right, whatever is killed at random moments while appends go on.

One seed runs with all tests, ten with `make matrix`.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from kit.eventually import eventually
from kit.pool import Pool
from projections.registry import projection_named
from stack.processes import ROOT
from tests.integration.projections.rebuilds import assert_agrees, request, stock_in_bulk
from tests.support import appending_worker

SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.matrix) for seed in range(2, 11))]
KILLS = 6
MAX_RUNS = 30
RATE = 4_000
"""Events a second: the rebuild takes 3 s, so the first kill always comes before its end."""
INVENTORY = projection_named("inventory")
TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND usename <> current_user
    ORDER BY md5($1 || pid) LIMIT $2
"""
STATE = "SELECT state FROM eventstore.projection_rebuild WHERE name = 'inventory'"
GAPS = """
    SELECT stream_id FROM eventstore.event GROUP BY 1 HAVING max(version) <> count(*)
"""


@asynccontextmanager
async def process(
    *command: str, output: Path, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    with output.open("ab") as file:
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *command),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "WAYBILL_DATA_DIR": os.devnull, **environment},
            stdout=file,
            stderr=file,
        )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.fixture
def urls(projections_url: str, database_url: str) -> tuple[str, str]:
    return projections_url, database_url


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_rebuild_under_traffic_survives_kills(
    owner: asyncpg.Connection,
    projecting: Pool,
    urls: tuple[str, str],
    tmp_path: Path,
    seed: int,
) -> None:
    projections_url, database_url = urls
    chance = random.Random(seed)  # noqa: S311 - chaos, not secrets
    await stock_in_bulk(owner, 1_500, 8)
    before = await owner.fetchval("SELECT 'readmodel.inventory_view'::regclass::oid")
    acknowledged, rebuilder_log = tmp_path / "acknowledged", tmp_path / "rebuilder.log"
    await request(projecting, INVENTORY, RATE)
    kills = runs = 0
    code = None
    while code != 0:
        runs += 1
        assert runs < MAX_RUNS, rebuilder_log.read_text()
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(
                process(appending_worker.__name__, database_url, output=acknowledged)
            )
            await eventually(acknowledged.read_text)  # a killed one would never write the first
            rebuilder = await stack.enter_async_context(
                process(
                    *("projections.rebuild", "--name", "inventory"),
                    output=rebuilder_log,
                    WAYBILL_PROJECTIONS_DATABASE_URL=projections_url,
                )
            )
            while rebuilder.returncode is None:
                if kills >= KILLS:
                    await rebuilder.wait()
                    continue
                try:
                    async with asyncio.timeout(chance.uniform(0.2, 2.5)):
                        await rebuilder.wait()
                except TimeoutError:
                    kills += 1
                    match chance.choice(("rebuilder", "worker", "backends")):
                        case "rebuilder":
                            rebuilder.kill()
                        case "worker":
                            if worker.returncode is None:  # a kill before may have ended it
                                worker.kill()
                        case "backends":
                            await owner.execute(TERMINATE, str(chance.random()), 3)
            code = rebuilder.returncode

    assert kills > 0
    assert await owner.fetchval(STATE) == "done"
    assert await owner.fetchval("SELECT 'readmodel.inventory_view'::regclass::oid") != before
    positions = [int(line) for line in acknowledged.read_text().split("\n")[:-1] if line.isdigit()]
    found = await owner.fetchval(
        "SELECT count(*) FROM eventstore.event WHERE position = ANY ($1)", positions
    )
    assert len(positions) == found > 0
    assert await owner.fetch(GAPS) == []
    await assert_agrees(projecting)
