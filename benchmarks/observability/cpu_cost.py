"""Compare the CPU time of an order with metrics and traces, and without both.

Each side has an API and a worker of its own. Both run the orders of the saga's benchmarks, from
their placement over GraphQL to their delivery. The receiver of the spans and the caller are other
processes, whose time does not count.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import httpx
import psutil

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.saga.load import Shop, opened_shop
from benchmarks.saga.orders import CUSTOMER
from benchmarks.saga.sides import Ours, OverGraphQL
from benchmarks.saga.throughput import orders
from benchmarks.saga.world import World, opened_world
from benchmarks.server import Server
from demo.client import Client as GraphQL
from orchestrator.saga_orchestrator import SagaOrchestrator
from providers.http import pooled_client
from stack import programs
from stack.http import answers
from stack.ports import LOOPBACK, Ports
from stack.processes import Program
from stack.temporal import worked_for
from stack.tokens import Role, token
from temporal.client import deadlines

MOST: Final = 1.05
PAIRS: Final = 8
SCRAPE_EVERY_SECONDS: Final = 15.0
MS_IN_A_SECOND: Final = 1000


@dataclass(frozen=True)
class Side:
    """An API and a worker, and what scrapes them."""

    shop: Shop
    client: OverGraphQL
    pids: Sequence[int]
    scraped: Sequence[str]
    count: int

    async def cpu_of_an_order(self) -> float:
        """Run the orders; return the milliseconds of CPU time that each took."""
        async with _scraping(self.scraped):
            before = _cpu_seconds(self.pids)
            await self.shop.rate(self.client, self.count)
            return (_cpu_seconds(self.pids) - before) / self.count * MS_IN_A_SECOND


@asynccontextmanager
async def on_and_off(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with (
        opened_world(server) as world,
        opened_shop(world) as shop,
        pooled_client() as http,
    ):
        metrics_port, count = Ports.free().http_port, orders(effort)
        observed = {
            "WAYBILL_WORKER_HTTP_PORT": f"{metrics_port}",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": await _started_receiver(world),
        }
        scraped = f"http://{LOOPBACK}:{metrics_port}/metrics"
        on = await _started(world, shop, http, "on", observed, (scraped,), count)
        off = await _started(world, shop, http, "off", {}, (), count)
        yield Sides("metrics and traces off", on.cpu_of_an_order, off.cpu_of_an_order)


async def _started(  # noqa: PLR0913, PLR0917 - what a side consists of
    world: World,
    shop: Shop,
    http: httpx.AsyncClient,
    queue: str,
    changes: Mapping[str, str],
    scraped: Sequence[str],
    count: int,
) -> Side:
    """Start an API and a worker with these variables, for a task queue of their own."""
    port, settings = Ports.free().http_port, world.settings
    url = f"http://{LOOPBACK}:{port}"
    environment = {**world.environment, **changes, "WAYBILL_TASK_QUEUE": queue}
    build_id = environment["WAYBILL_WORKER_BUILD_ID"]
    worker = Program(
        name=f"worker {queue}",
        command=(sys.executable, "worker.py", "--roles", "sagas"),
        environment=environment,
        is_ready=worked_for(settings.temporal_address, queue, build_id),
    )
    api = Program(
        name=f"api {queue}",
        command=(sys.executable, *programs.api_command(port)),
        environment=environment,
        is_ready=answers(f"{url}/healthz"),
    )
    pids = [(await world.supervisor.start(program)).pid for program in (worker, api)]
    ours = Ours(SagaOrchestrator(world.client, task_queue=queue, deadlines=deadlines(settings)))
    bearer = token(settings.jwt_secret.get_secret_value(), Role.CUSTOMER, CUSTOMER)
    of_api = [f"{url}/metrics"] if scraped else []
    client = OverGraphQL(ours, GraphQL(http, url, bearer))
    return Side(shop, client, pids, [*of_api, *scraped], count)


async def _started_receiver(world: World) -> str:
    """Start the receiver of the spans; return its address."""
    url = f"http://{LOOPBACK}:{(port := Ports.free().http_port)}"
    is_ready = answers(f"{url}/v1/traces")
    await world.start("receiver", is_ready, "-m", "benchmarks.observability.receiver", f"{port}")
    return url


@asynccontextmanager
async def _scraping(urls: Sequence[str]) -> AsyncIterator[None]:
    """Scrape the metrics meanwhile, as Prometheus does."""
    async with pooled_client() as http:
        tasks = [asyncio.create_task(_scrape(http, url)) for url in urls]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _scrape(http: httpx.AsyncClient, url: str) -> None:
    while True:
        with suppress(httpx.HTTPError):
            await http.get(url)
        await asyncio.sleep(SCRAPE_EVERY_SECONDS)


def _cpu_seconds(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


BENCHMARKS: Final = (
    Benchmark(
        "observability.cpu_cost",
        "CPU ms/order",
        MOST,
        on_and_off,
        less_is_better=True,
        full_pairs=PAIRS,
    ),
)
