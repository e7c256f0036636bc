"""The bus in memory shares its process with its publishers, and keeps the newest messages only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from eventbus.memory import KEPT, memory_bus
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from kit.pool import Connection, Pool

PAGE: Final = 250
FIRST: Final = StoredEvent(
    position=1,
    stream_id="order-1",
    version=1,
    event_id=UUID(int=1),
    type="OrderReserved",
    schema_version=1,
    data_json='{"order_id": "1"}',
    metadata_json='{"correlation_id": "1"}',
    recorded_at=datetime(2026, 11, 27, tzinfo=UTC),
)


async def test_a_publisher_without_a_pause_does_not_pass_by_a_group_that_has_subscribed(
    pool: Pool,
) -> None:
    versions = range(1, 2 * KEPT + 1)
    events = [replace(FIRST, version=version, event_id=uuid4()) for version in versions]
    handled: list[int] = []

    async def handle(_: Connection, event: StoredEvent) -> None:
        handled.append(event.version)

    bus = memory_bus(pool)
    await bus.subscribe("*.*", handle, group="tests")
    for begin in range(0, len(events), PAGE):
        await bus.publish(events[begin : begin + PAGE])
    await eventually(lambda: len(handled) >= len(events), 30)
    await bus.close()
    assert handled == list(versions)
