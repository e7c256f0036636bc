"""In production, each line of a process is JSON."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from stack.system import System
from tests.e2e.processes import NATS, at
from tests.e2e.test_api_process import api, becomes
from tests.e2e.test_worker_process import worker
from tests.support.api_client import Json

PRODUCTION = {
    "WAYBILL_ENVIRONMENT": "production",
    "WAYBILL_ALLOW_TEST_PROVIDERS": "true",
    "WAYBILL_ALLOW_LOOPBACK_WEBHOOKS": "false",
    "WAYBILL_TEMPORAL_UI_ORIGIN": "",
}


def lines(log: str) -> list[Json]:
    return [json.loads(line) for line in log.splitlines()]


async def test_the_lines_of_a_worker_and_of_its_libraries_are_json(
    system: System, tmp_path: Path
) -> None:
    changes = PRODUCTION | {NATS: at(system.environment[NATS], 1)}
    async with worker(system, tmp_path / "log", **changes) as process:
        await process.writes("running sagas from task queue")
        await process.writes("role relay: .*trying again")
        await process.stops(signal.SIGTERM)

    found = lines(process.log)
    assert {"roles.sagas", "kit.restart"} <= {line["logger"] for line in found}
    assert all({"time", "level", "logger", "event"} <= line.keys() for line in found)


async def test_the_lines_of_the_api_and_of_its_server_are_json(
    system: System, tmp_path: Path
) -> None:
    changes = PRODUCTION | {
        NATS: at(system.environment[NATS], 1),
        "WAYBILL_DATA_DIR": str(tmp_path),
    }
    async with api(system, tmp_path / "log", **changes) as (process, http):
        await becomes(http, "degraded")
        await process.stops(signal.SIGTERM)

    assert {"uvicorn.error", "observability.health"} <= {
        line["logger"] for line in lines(process.log)
    }
