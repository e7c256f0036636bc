"""The relay publishes no page behind one that has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import pytest

from eventbus.bus import Published, Publisher
from eventbus.errors import BusUnavailable
from eventbus.record import BusRecord
from eventbus.window import Window
from eventstore.envelope import StoredEvent

PAUSE = timedelta(seconds=30)


class Record:
    known = None


class Bus:
    """A publisher whose calls end as the test says, in the order of the calls."""

    def __init__(self) -> None:
        self.calls: dict[int, asyncio.Future[Published]] = {}

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        call: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        self.calls[events[0].position] = call
        return await call


def page(position: int) -> list[StoredEvent]:
    return [
        StoredEvent(
            position=position,
            stream_id="order-1",
            version=position,
            event_id=UUID(int=position),
            type="OrderReserved",
            schema_version=1,
            data_json="{}",
            metadata_json='{"correlation_id": "o-1"}',
            recorded_at=datetime(2026, 11, 27, tzinfo=UTC),
        )
    ]


async def test_pages_are_published_at_the_same_time_and_settled_in_their_order() -> None:
    bus = Bus()
    window = Window(cast("Publisher", bus), cast("BusRecord", Record()))
    for position in (1, 2, 3):
        await window.publish(page(position))
    await asyncio.sleep(0)
    assert list(bus.calls) == [1, 2, 3]
    for call in bus.calls.values():
        call.set_result(Published(1, 1))
    for position in (1, 2, 3):
        oldest = await window.oldest(PAUSE)
        assert oldest is not None
        assert oldest.page[0].position == position
        assert await oldest.task == Published(1, 1)
    await window.close()


async def test_a_page_that_fails_before_the_next_one_begins_is_not_passed() -> None:
    bus = Bus()
    window = Window(cast("Publisher", bus), cast("BusRecord", Record()))
    await window.publish(page(1))
    await asyncio.sleep(0)
    bus.calls[1].set_exception(BusUnavailable("away"))
    await window.publish(page(2))  # its task begins after the first call has returned
    for _ in range(5):
        await asyncio.sleep(0)
    assert list(bus.calls) == [1]
    for reason in ("away", "an earlier page was not published"):
        oldest = await window.oldest(PAUSE)
        assert oldest is not None
        with pytest.raises(BusUnavailable, match=f"^{reason}$"):
            await oldest.task
    await window.close()
