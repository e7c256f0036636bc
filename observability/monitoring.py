"""Serve health, readiness and metrics beside a process's own work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from kit.kept import Kept
from kit.listening import listening
from observability import health, page
from observability.check import Check

MAX_REQUESTS_AT_ONCE: Final = 50
"""A probe and a scrape need one each. More are answered with 503."""


ROUTES: Final = (
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    Route("/metrics", page.metrics),
)
"""They answer with the `checks` and the `metrics` of the application's state."""


def monitoring_app(checks: Mapping[str, Check], metrics: Kept[bytes]) -> Starlette:
    app = Starlette(routes=ROUTES)
    app.state.checks, app.state.metrics = checks, metrics
    return app


def plain_config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_REQUESTS_AT_ONCE,
    )


@asynccontextmanager
async def serving(
    config: uvicorn.Config, setting: str, host: str, port: int
) -> AsyncIterator[None]:
    """Serve on this port. Raises CannotListen with the name of the setting that holds it."""
    server = _Beside(config)
    with listening(setting, host, port) as socket:
        task = asyncio.create_task(server.serve([socket]), name="monitoring")
        try:
            yield
        finally:
            server.should_exit = True
            await task


class _Beside(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process itself."""
        yield
