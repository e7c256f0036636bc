"""Compare appends of 1 and of 100 events with the library and with a bare INSERT."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.eventstore import eventsourcing_peer, insert_peer, ours
from benchmarks.load import Load
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server

Writing = Callable[[str, int, int], AbstractAsyncContextManager[Load]]
"""It takes a database URL, the number of writers and the number of events in each append."""


@dataclass(frozen=True)
class Appends:
    """An append benchmark: the writers, the events in each append, and the peer."""

    peer_name: str
    peer: Writing
    writers: int
    batch: int = 1

    @asynccontextmanager
    async def sides(self, server: Server, effort: Effort) -> AsyncIterator[Sides]:
        async with (
            server.database() as url,
            ours.appending(url, self.writers, self.batch) as our_load,
            self.peer(url, self.writers, self.batch) as peer_load,
        ):
            yield Sides(
                self.peer_name,
                partial(our_load, effort.seconds),
                partial(peer_load, effort.seconds),
            )


BATCH: Final = 100
BATCH_WRITERS: Final = 8
HOT_WRITERS: Final = 32


@asynccontextmanager
async def _one_stream_beside_many(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with (
        server.database() as url,
        ours.appending_to_one_stream(url, HOT_WRITERS) as one,
        ours.appending(url, HOT_WRITERS) as many,
    ):
        yield Sides(
            "ours, many streams", partial(one, effort.seconds), partial(many, effort.seconds)
        )


_library = partial(Appends, eventsourcing_peer.NAME, eventsourcing_peer.recording)
_insert = partial(Appends, insert_peer.NAME, insert_peer.inserting)

BENCHMARKS: Final = (
    *(
        Benchmark(f"eventstore.append.{n}w.vs_eventsourcing", "events/s", None, _library(n).sides)
        for n in (1, 8, 32)
    ),
    *(
        Benchmark(f"eventstore.append.{n}w.vs_insert", "events/s", target, _insert(n).sides)
        for n, target in ((1, 0.8), (8, 0.7), (32, 0.65))
    ),
    Benchmark(
        "eventstore.batch100.vs_eventsourcing",
        "events/s",
        None,
        _library(BATCH_WRITERS, BATCH).sides,
    ),
    Benchmark(
        "eventstore.batch100.vs_insert", "events/s", 0.8, _insert(BATCH_WRITERS, BATCH).sides
    ),
    Benchmark("eventstore.hot_stream.vs_many_streams", "events/s", 0.3, _one_stream_beside_many),
)
