"""Serve health, readiness and metrics of a worker, on a separate port.

A worker is ready when it can do its work: PostgreSQL answers, and Temporal if it runs sagas. The
state of the whole service is on the API's pages.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

import httpx

from eventbus.buses import require_answer
from eventstore.stored_format import require_readable
from kit.kept import Kept
from kit.local_http import local_client
from kit.pool import Pool
from observability import health, pools, work
from observability.check import PROBE_TIMEOUT, Check, Probe
from observability.monitoring import monitoring_app, plain_config, serving
from observability.page import KEPT_SECONDS, text_of
from observability.pools import PoolUse
from providers.breaker import Breaker, Breakers
from roles.role import Role
from settings import Bus, Settings
from stored_format import OtherStoredFormatError

SETTING: Final = "WAYBILL_WORKER_HTTP_PORT"

logger = logging.getLogger(__name__)


@asynccontextmanager
async def monitored(
    settings: Settings,
    roles: Collection[Role],
    pool: Pool,
    sdk_metrics: str | None,
    breakers: Breakers | None = None,
) -> AsyncIterator[None]:
    """Serve the pages while the roles run, if the settings name a port.

    `sdk_metrics` is the URL of the Temporal SDK's own metrics. Raises CannotListen.
    """
    if not settings.worker_http_port:
        yield
        return
    checks = await checks_of(settings, roles, pool, breakers)
    pools.watch("worker", lambda: PoolUse(pool.used, pool.waiting, pool.size))
    async with local_client(timeout=PROBE_TIMEOUT.total_seconds()) as http:

        async def page() -> bytes:
            await health.show(checks)
            pools.show()
            return text_of(health.REGISTRY, work.REGISTRY) + await _of_sdk(http, sdk_metrics)

        app = monitoring_app(checks, Kept(page, KEPT_SECONDS))
        host, port = settings.monitoring_host, settings.worker_http_port
        async with serving(plain_config(app), SETTING, host, port):
            logger.info("health and metrics of this worker: http://%s:%d", host, port)
            yield


async def checks_of(
    settings: Settings, roles: Collection[Role], pool: Pool, breakers: Breakers | None = None
) -> dict[str, Check]:
    checks = {"database": Check(_database(pool), required=True)}
    if Role.SAGAS in roles:
        from temporal.client import connect  # noqa: PLC0415 - other roles do without Temporal

        client = await connect(settings, lazy=True)

        async def temporal() -> None:
            await client.service_client.check_health(timeout=PROBE_TIMEOUT)

        checks["temporal"] = Check(temporal, required=True)
        if breakers is not None:
            checks["payments"] = breaker_check(breakers.payments)
            checks["carrier"] = breaker_check(breakers.carrier)
    if Role.RELAY in roles and settings.bus is not Bus.MEMORY:

        async def bus() -> None:
            await require_answer(settings)

        checks["bus"] = Check(bus, required=False)
    return checks


def breaker_check(breaker: Breaker) -> Check:
    """A provider that is down degrades the process: its orders wait, and nothing is lost."""

    async def probe() -> str | None:
        return breaker.problem

    return Check(probe, required=False)


def _database(pool: Pool) -> Probe:
    async def database() -> str | None:
        try:
            await require_readable(pool)
        except OtherStoredFormatError as error:
            return str(error)
        return None

    return database


async def _of_sdk(http: httpx.AsyncClient, url: str | None) -> bytes:
    """Return the SDK's page; nothing if it does not answer, so that ours is shown."""
    if url is None:
        return b""
    with contextlib.suppress(httpx.HTTPError):
        return (await http.get(url)).content
    return b""
