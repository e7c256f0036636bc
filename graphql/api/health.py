"""Whether the process lives, and whether what it needs answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

import nats
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from settings import Bus, Settings

PATIENCE: Final = timedelta(seconds=2)

Probe = Callable[[], Awaitable[object]]
"""Returns when the part answers, and raises when it does not."""

log = logging.getLogger(__name__)

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    probes: Mapping[str, Probe] = request.app.state.probes
    answers = await asyncio.gather(*(_answers(name, probe) for name, probe in probes.items()))
    checks = dict(zip(probes, map(_status, answers), strict=True))
    body = {"status": _status(all(answers)), "checks": checks}
    return JSONResponse(body, status_code=200 if all(answers) else 503)


def probes(settings: Settings, engine: AsyncEngine, client: Client) -> Mapping[str, Probe]:
    async def database() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def temporal() -> None:
        await client.service_client.check_health(timeout=PATIENCE)

    async def bus() -> None:
        if settings.bus is Bus.NATS:
            await _ask_nats(settings.nats_url)

    return {"database": database, "temporal": temporal, "bus": bus}


async def _ask_nats(url: str) -> None:
    connection = await nats.connect(url, allow_reconnect=False, error_cb=_ignore)
    try:
        await connection.flush(int(PATIENCE.total_seconds()))
    finally:
        await connection.close()


async def _ignore(_: Exception) -> None:
    """connect() raises it as well; the default would log it too."""


async def _answers(name: str, probe: Probe) -> bool:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready
        log.warning("%s is not ready: %s", name, type(error).__name__)
        return False
    return True


def _status(ready: bool) -> str:
    return "ready" if ready else "not ready"
