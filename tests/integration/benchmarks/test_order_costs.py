"""Count the cost of an order for each outcome: it must be what docs/SCALING.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cost.count import count_all
from benchmarks.cost.figures import excess, read
from benchmarks.server import Server
from stack.servers import Servers


@pytest.mark.timeout(300)
async def test_each_outcome_costs_what_is_recorded(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path))
    recorded = read()

    counted = await count_all(Server(servers.owner_url))

    assert list(counted) == list(recorded)
    assert {name: excess(cost, recorded[name]) for name, cost in counted.items()} == {
        name: [] for name in recorded
    }
