"""Relay the log to librdkafka's mock cluster, which can describe no topic, and be killed there.

python -m tests.support.relaying_to_mock
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from confluent_kafka.admin import AdminClient, OffsetSpec

from eventbus.bus import Holdings
from eventbus.kafka.publisher import KafkaPublisher
from eventbus.kafka.topic import offsets
from eventbus.relay import Relay
from eventbus.routing import PARTITIONS
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.pool import create_pool
from settings import load_settings


class MockPublisher(KafkaPublisher):
    """A publisher that asks the brokers for nothing but the ends of the partitions."""

    async def holdings(self) -> Holdings:
        ends = await self._connection.ask(_ends)
        return Holdings(
            generation="mock",
            first_sequence=1,
            last_sequence=sum(ends),
            removed=0,
            retention=None,
            difference=None,
        )

    async def oldest_position(self) -> int | None:
        return None


def _ends(admin: AdminClient) -> tuple[int, ...]:
    return offsets(admin, PARTITIONS, OffsetSpec.latest())  # type: ignore[no-untyped-call]


async def relay() -> None:
    settings = load_settings()
    async with (
        await create_pool(settings.database_url.get_secret_value()) as pool,
        aclosing(await MockPublisher.connect(settings.kafka_bootstrap)) as publisher,
    ):
        await Relay(pool, PostgresEventStore(pool), publisher).run()


if __name__ == "__main__":
    run_command(lambda: asyncio.run(relay()))
