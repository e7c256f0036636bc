"""A bus with other settings than Waybill needs is reported, without a crash or a loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from nats.js.api import RetentionPolicy, StorageType

from eventbus.nats.names import STREAM
from eventbus.nats.stream import CONFIG
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker

SMALL = "max_payload: 65536"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"max_age": 3600}, "max_age is 3600.0, not 604800.0"),
        ({"retention": RetentionPolicy.WORK_QUEUE}, "retention is workqueue, not limits"),
        ({"storage": StorageType.MEMORY}, "storage is memory, not file"),
        ({"max_bytes": 10_000_000}, "max_bytes is 10000000, not -1"),
        (
            {"subjects": ["waybill.events.>", "other.>"]},
            "subjects is ['waybill.events.>', 'other.>'], not ['waybill.events.>']",
        ),
    ],
)
async def test_a_stream_with_other_settings_is_reported_and_still_filled(
    log: Log, broker: NatsBroker, changed: dict[str, Any], says: str
) -> None:
    async with broker.jetstream() as stream:
        await stream.add_stream(replace(CONFIG, **changed))
    await log.append(2)
    async with log.relaying():
        await log.relayed_to(2)
        fault = await log.has_fault("set up otherwise")
        assert fault == f"stream WAYBILL is set up otherwise: {says}"
    assert await broker.positions() == [1, 2]


async def test_a_stream_with_other_subjects_is_reported_until_it_is_repaired(
    log: Log, broker: NatsBroker
) -> None:
    async with broker.jetstream() as stream:
        await stream.add_stream(replace(CONFIG, subjects=["other.>"]))
        await log.append(2)
        async with log.relaying():
            await log.has_fault("no stream of NATS")
            assert await log.checkpoint() == 0
            await stream.update_stream(CONFIG)
            await log.relayed_to(2)
            await log.has_no_fault()


async def test_a_broker_with_a_small_message_limit_is_reported_before_a_message_fails(
    log: Log, broker: NatsBroker
) -> None:
    await broker.kill()
    await broker.start(SMALL)
    await log.append(1)
    async with log.relaying():
        await log.relayed_to(1)
        assert await log.has_fault("max_payload") == (
            "max_payload of NATS is 65536, below the 1002048 needed"
        )


async def test_an_event_too_large_for_the_broker_is_named_and_waits_for_a_larger_limit(
    log: Log, broker: NatsBroker
) -> None:
    await broker.kill()
    await broker.start(SMALL)
    await log.append(2)
    await log.append(1, text="x" * 70_000)
    await log.append(1)
    async with log.relaying():
        fault = await log.has_fault("position 3 is a message of")
        assert "and the bus takes 65536: raise the limit" in fault
        assert await log.checkpoint() == 2
        assert await broker.positions() == [1, 2]
        await log.stays_faulty("position 3 is a message of")

        await broker.kill()
        await broker.start()
        await log.relayed_to(4)
        await log.has_no_fault()
    assert await broker.positions() == [1, 2, 3, 4]


async def test_a_stream_with_a_small_message_limit_is_reported_in_the_same_way(
    log: Log, broker: NatsBroker
) -> None:
    async with broker.jetstream() as stream:
        await stream.add_stream(replace(CONFIG, max_msg_size=50_000))
        await log.append(1, text="x" * 60_000)
        async with log.relaying():
            assert "and the bus takes 50000" in await log.has_fault("position 1 is a message of")
            await stream.update_stream(CONFIG)
            await log.relayed_to(1)


async def test_the_largest_event_that_the_log_takes_arrives(log: Log, broker: NatsBroker) -> None:
    around = len('{"order_id": ""}') + len('{"correlation_id": "test"}')
    for letter in ("x", "é", "\x01", '"'):
        size = len(letter.encode()) if letter.isalpha() else {"\x01": 6, '"': 2}[letter]
        await log.append(1, text=letter * ((1_000_000 - around) // size))
    async with log.relaying():
        await log.relayed_to(4)
    assert await broker.positions() == [1, 2, 3, 4]
    assert STREAM == "WAYBILL"
