"""Run an order on each side of the saga benchmarks, so that a change that breaks one is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.saga import sides
from benchmarks.saga.load import opened_shop
from benchmarks.saga.world import opened_world
from benchmarks.server import Server
from stack.servers import Servers


async def test_every_side_of_the_saga_benchmarks_delivers_an_order(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path))
    async with (
        opened_world(Server(servers.owner_url)) as world,
        opened_shop(world) as shop,
        sides.started_api(world) as api,
        sides.started_dbos(world) as dbos,
    ):
        naive = await sides.started_naive(world)

        for side in (api, naive, dbos):
            assert await shop.rate(side, 1) > 0
        await sides.Noop(world.client).run()
