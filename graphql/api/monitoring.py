"""Health, readiness and metrics: on the API's own port, or on one that only monitoring reaches."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from api import health, metrics
from api.server import server_config
from settings import Settings, SettingsError


def include_monitoring(app: FastAPI) -> None:
    app.include_router(health.router)
    app.include_router(metrics.router)


def require_port(settings: Settings) -> None:
    """Raise SettingsError if the monitoring port cannot be listened on."""
    if settings.monitoring_port:
        _listening(settings).close()


@asynccontextmanager
async def monitored(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Serve the monitoring of this app on its own port, if the settings name one."""
    if not settings.monitoring_port:
        yield
        return
    beside = FastAPI(openapi_url=None)
    beside.state = app.state
    include_monitoring(beside)
    server = _Beside(server_config(beside, lifespan="off", log_config=None))
    with _listening(settings) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


class _Beside(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the API's own server."""
        yield


def _listening(settings: Settings) -> socket.socket:
    host, port = settings.monitoring_host, settings.monitoring_port
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise SettingsError(
            f"WAYBILL_MONITORING_PORT: {host}:{port} cannot be listened on: {error.strerror}"
        ) from None
