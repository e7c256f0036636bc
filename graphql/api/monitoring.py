"""Serve health, readiness and metrics on the API's port, or on a separate port for monitoring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from api import health, metrics
from api.server import server_config
from kit.listening import CannotListen, listening, require_port
from settings import Settings

SETTING: Final = "WAYBILL_MONITORING_PORT"


def include_monitoring(app: FastAPI) -> None:
    app.include_router(health.router)
    app.include_router(metrics.router)


def require_ports(settings: Settings, host: str, port: int) -> None:
    """Raise CannotListen unless the API's port and the monitoring port are free."""
    if settings.monitoring_port == port:
        raise CannotListen(f"{SETTING} and --port", f"both are {port}: use two different ports")
    require_port("--port", host, port)
    if settings.monitoring_port:
        require_port(SETTING, settings.monitoring_host, settings.monitoring_port)


@asynccontextmanager
async def monitored(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Serve the monitoring of this application on a separate port if the settings name one."""
    if not settings.monitoring_port:
        yield
        return
    beside = FastAPI(openapi_url=None)
    beside.state = app.state
    include_monitoring(beside)
    server = _Beside(server_config(beside, lifespan="off", log_config=None))
    with listening(SETTING, settings.monitoring_host, settings.monitoring_port) as socket:
        serving = asyncio.create_task(server.serve([socket]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


class _Beside(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the API's server."""
        yield
