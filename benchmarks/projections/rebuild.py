"""Compare a rebuild of the order view with a projection of single events, and with bare copying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.projections import copy_peer, eventsourcing_peer
from benchmarks.projections.copy_peer import copying
from benchmarks.projections.eventsourcing_peer import EventsourcingPeer
from benchmarks.projections.order_log import EVENTS_OF_AN_ORDER, fill
from benchmarks.projections.ours import rebuild_orders
from benchmarks.server import Server

EVENTS: Final = 1_000_000
PEER_EVENTS: Final = 20_000
"""The library takes one event after another, so that its rate does not depend on their number."""
PAIRS: Final = 2


@asynccontextmanager
async def _beside_eventsourcing(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with server.database() as url:
        await fill(url, int(EVENTS * effort.scale))
        await rebuild_orders(url, accept=True)
        peer = EventsourcingPeer(url, int(PEER_EVENTS * effort.scale) // EVENTS_OF_AN_ORDER)
        await asyncio.to_thread(peer.fill)
        yield Sides(eventsourcing_peer.NAME, partial(rebuild_orders, url), peer.rate)


@asynccontextmanager
async def _beside_copy(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with server.database() as url:
        await fill(url, int(EVENTS * effort.scale))
        await rebuild_orders(url, accept=True)
        async with copying(url) as read_and_copy:
            yield Sides(copy_peer.NAME, partial(rebuild_orders, url), read_and_copy)


BENCHMARKS: Final = (
    Benchmark(
        "projection.rebuild.vs_eventsourcing", "events/s", 5, _beside_eventsourcing, max_pairs=PAIRS
    ),
    Benchmark("projection.rebuild.vs_copy", "events/s", 0.3, _beside_copy, max_pairs=PAIRS),
)
