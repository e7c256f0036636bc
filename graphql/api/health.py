"""Liveness, and readiness: whether an order can be accepted, and what else is at fault.

A required check that fails makes the process not ready (503). Any other makes it degraded (200).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import nats
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from queries.log import LogQueries
from settings import Bus, Settings

PATIENCE: Final = timedelta(seconds=2)

Probe = Callable[[], Awaitable[str | None]]
"""Return None when all is well, else one line that says what is wrong. Raise if it is unknown."""


@dataclass(slots=True)
class Check:
    """One part that readiness asks about. Without a required one no order can be accepted."""

    probe: Probe
    required: bool
    is_passing: bool | None = field(default=None, init=False)
    since: float = field(default_factory=time.monotonic, init=False)

    def record(self, is_passing: bool) -> float:
        """Return for how many seconds the check has had this outcome."""
        if is_passing is not self.is_passing:
            self.is_passing, self.since = is_passing, time.monotonic()
        return time.monotonic() - self.since


log = logging.getLogger(__name__)

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    checks: Mapping[str, Check] = request.app.state.checks
    answers = await asyncio.gather(*(_answer(name, check) for name, check in checks.items()))
    status = _status(checks.values())
    body = {"status": status, "checks": dict(zip(checks, answers, strict=True))}
    return JSONResponse(body, status_code=503 if status == "not ready" else 200)


def checks(settings: Settings, engine: AsyncEngine, client: Client) -> Mapping[str, Check]:
    log_queries = LogQueries(engine)

    async def database() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def temporal() -> None:
        await client.service_client.check_health(timeout=PATIENCE)

    async def bus() -> None:
        if settings.bus is Bus.NATS:
            await _ask_nats(settings.nats_url)

    async def checkpoints() -> str | None:
        return "; ".join(map(str, await log_queries.lost_checkpoints())) or None

    return {
        "database": Check(database, required=True),
        "temporal": Check(temporal, required=True),
        "bus": Check(bus, required=False),
        "checkpoints": Check(checkpoints, required=False),
    }


async def _ask_nats(url: str) -> None:
    connection = await nats.connect(url, allow_reconnect=False, error_cb=_ignore)
    try:
        await connection.flush(int(PATIENCE.total_seconds()))
    finally:
        await connection.close()


async def _ignore(_: Exception) -> None:
    """connect() raises it as well; the default would log it too."""


async def _answer(name: str, check: Check) -> dict[str, object]:
    detail = await _detail(name, check.probe)
    age = check.record(is_passing=detail is None)
    answer: dict[str, object] = {
        "status": "ok" if detail is None else "failing",
        "required": check.required,
        "age_seconds": round(age, 1),
    }
    return answer if detail is None else answer | {"detail": detail}


async def _detail(name: str, probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await probe()
    except Exception as error:  # noqa: BLE001 - any failure means that the part does not answer
        log.warning("%s is not ready: %s", name, type(error).__name__)
        return f"no answer ({type(error).__name__})"


def _status(checks: Iterable[Check]) -> str:
    failing = [check for check in checks if not check.is_passing]
    if any(check.required for check in failing):
        return "not ready"
    return "degraded" if failing else "ready"
