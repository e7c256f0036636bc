"""Serve liveness and readiness. A ready process can do its work.

A required check that fails makes the process not ready (503). Any other check that fails makes it
degraded (200).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge
from starlette.requests import Request
from starlette.responses import JSONResponse

from observability.check import Check

NOT_READY: Final = "not ready"

REGISTRY: Final = CollectorRegistry()
READY: Final = Gauge(
    "waybill_ready",
    "1 when the process can do its work, 0 when not, as /readyz answers 200 or 503.",
    registry=REGISTRY,
)
CHECK_PASSING: Final = Gauge(
    "waybill_check_passing",
    "1 when a check of /readyz passes, else 0. If a required one fails, the process is not ready.",
    ["check", "required"],
    registry=REGISTRY,
)

logger = logging.getLogger(__name__)


async def healthz(_: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> JSONResponse:
    checks: Mapping[str, Check] = request.app.state.checks
    await ask(checks)
    status = status_of(checks.values())
    body = {"status": status, "checks": {name: check.as_json() for name, check in checks.items()}}
    return JSONResponse(body, status_code=503 if status == NOT_READY else 200)


async def ask(checks: Mapping[str, Check]) -> None:
    """Update every outcome, and log each one that changed."""
    before = {name: check.is_passing for name, check in checks.items()}
    await asyncio.gather(*(check.ask() for check in checks.values()))
    for name, check in checks.items():
        if check.is_passing is not before[name] and (before[name] is not None or check.detail):
            logger.warning("readiness: %s: %s", name, check.detail or "ok again")


def status_of(checks: Iterable[Check]) -> str:
    failing = [check for check in checks if not check.is_passing]
    if any(check.required for check in failing):
        return NOT_READY
    return "degraded" if failing else "ready"


async def show(checks: Mapping[str, Check]) -> None:
    """Set the gauges to the outcome of each check."""
    await ask(checks)
    READY.set(status_of(checks.values()) != NOT_READY)
    for name, check in checks.items():
        CHECK_PASSING.labels(name, str(check.required).lower()).set(bool(check.is_passing))
