"""Serve health, readiness and metrics on the API's port, or on a separate port for monitoring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from api.server import server_config
from kit.listening import CannotListen, require_port
from observability.monitoring import monitoring_app, serving
from settings import Settings

SETTING: Final = "WAYBILL_MONITORING_PORT"


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
    beside = monitoring_app(app.state.checks, app.state.metrics)
    config = server_config(beside, lifespan="off", log_config=None)
    async with serving(config, SETTING, settings.monitoring_host, settings.monitoring_port):
        yield
