"""The brokers that the chaos runs against, and how each of them fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import relaying_to_mock
from tests.support.kafka import kafka_broker
from tests.support.kafka_mock import kafka_mock
from tests.support.kafka_proxy import kafka_proxy
from tests.support.nats import nats_broker

MAX_AWAY_SECONDS: Final = 2.0

Fault = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Subject:
    settings: dict[str, str]
    """The settings by which the processes connect to it."""
    faults: dict[str, Fault]
    """What happens to the broker: each fault is over when the call returns."""
    groups: tuple[str, ...] = ("first", "first", "second")
    """The group of each consumer process."""
    append_every_seconds: float = 0.05
    relay: tuple[str, ...] = ("worker.py", "--roles", "head,relay")
    consumers_may_die: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """A consumer is killed and started again within this block."""


@asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[Subject]:
    async with nats_broker(folder) as broker:

        async def restart() -> None:
            await broker.kill()
            await broker.start()

        yield Subject(broker.settings, {"NATS": restart})


@asynccontextmanager
async def kafka(folder: Path) -> AsyncIterator[Subject]:
    """Yield noida-db behind a proxy, which cuts the connections.

    It is stopped cleanly, without connections and when it has written everything: otherwise it
    loses what it acknowledged last. It keeps a killed member in its group until it is started
    again, and gives its partitions to no other one. So each group has one consumer, which is killed
    while the broker is stopped. It writes its whole store again and again, so the load is small.
    """
    async with kafka_broker(folder) as broker, kafka_proxy(broker.port) as proxy:

        @asynccontextmanager
        async def stopped() -> AsyncIterator[None]:
            with proxy.closed():
                await broker.is_idle()
                await broker.stop()
                yield
                await broker.start()

        async def restart() -> None:
            async with stopped():
                await _pause()

        async def cut() -> None:
            proxy.cut()

        yield Subject(
            {**broker.settings, "WAYBILL_KAFKA_BOOTSTRAP": proxy.bootstrap},
            {"broker": restart, "connections": cut},
            groups=("first", "second"),
            append_every_seconds=0.25,
            consumers_may_die=stopped,
        )


@asynccontextmanager
async def kafka_groups(folder: Path) -> AsyncIterator[Subject]:
    """Yield librdkafka's mock cluster, whose groups notice that a member was killed.

    It keeps at most 5 MB of each partition and then drops the oldest messages, so the load is
    small.
    """
    async with kafka_mock(folder) as cluster:

        async def restart() -> None:
            async with cluster.away():
                pass

        yield Subject(
            cluster.settings,
            {"broker": restart},
            append_every_seconds=0.25,
            relay=("-m", relaying_to_mock.__name__),
        )


async def _pause() -> None:
    await asyncio.sleep(random.uniform(0, MAX_AWAY_SECONDS))  # noqa: S311


SUBJECTS: Final[dict[str, Callable[[Path], AbstractAsyncContextManager[Subject]]]] = {
    "nats": nats,
    "kafka": kafka,
    "kafka-groups": kafka_groups,
}
