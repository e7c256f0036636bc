"""Publish again what the bus has lost, while the relay continues."""

from __future__ import annotations

import base64
from contextlib import aclosing

import pytest
from pydantic import SecretStr

from eventbus.errors import BusUnavailable
from eventbus.nats.names import STREAM
from eventbus.nats.publisher import NatsPublisher
from eventbus.record import NAME, BusRecord
from eventbus.republish import NotRepublished, position, republish
from eventstore.checkpoint import Checkpoint
from eventstore.positions import PositionCodec
from settings import Settings
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker
from tests.support.republishing import command, lines_of

AWAY = "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none"


@pytest.mark.parametrize("first", [0, 1])
async def test_everything_is_published_again_beside_the_running_relay(
    log: Log, broker: NatsBroker, first: int
) -> None:
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        await broker.restart_empty()
        await log.append(2)
        await log.lacks_to(3)
        await log.relayed_to(5)

        lines = await lines_of(log, first)

        assert lines[-1] == "5 events published again; the bus has every event that it should have"
        assert await log.missing_to() is None
        await log.append(1)
        await log.relayed_to(6)
    assert sorted(await broker.positions()) == [1, 2, 3, 4, 5, 6]


async def test_an_event_published_again_has_the_id_it_had(log: Log, broker: NatsBroker) -> None:
    await log.relay_all(2)
    before = [(m.subject, m.data, m.headers["Nats-Msg-Id"]) for m in await broker.messages()]
    await broker.restart_empty()
    await lines_of(log, 1)
    after = [(m.subject, m.data, m.headers["Nats-Msg-Id"]) for m in await broker.messages()]
    assert after == before


async def test_events_still_on_the_stream_are_not_kept_twice(log: Log, broker: NatsBroker) -> None:
    await log.relay_all(3)
    await lines_of(log, 1)
    await lines_of(log, 2)
    assert await broker.positions() == [1, 2, 3]


async def test_publishing_a_part_leaves_the_rest_missing(log: Log, broker: NatsBroker) -> None:
    await log.relay_all(5)
    await broker.restart_empty()

    lines = await lines_of(log, 3)

    assert lines[-1] == (
        "3 events published again; the bus still lacks the events up to position 2"
    )
    assert await log.missing_to() == 2
    assert await broker.positions() == [3, 4, 5]
    assert (await lines_of(log, 1))[-1].endswith("the bus has every event that it should have")
    assert await log.missing_to() is None


async def test_a_position_after_the_gap_closes_nothing(log: Log, broker: NatsBroker) -> None:
    await log.relay_all(3)
    await broker.restart_empty()
    await log.relay_all(2)

    lines = await lines_of(log, 5)

    assert lines[-1] == ("1 event published again; the bus still lacks the events up to position 3")
    assert await log.missing_to() == 3


async def test_progress_is_shown_batch_by_batch(log: Log) -> None:
    await log.relay_all(5)
    assert await lines_of(log, 2, events_at_once=3) == [
        "published 3 events, up to position 4 of 5",
        "published 4 events, up to position 5 of 5",
        "4 events published again; the bus has every event that it should have",
    ]


async def test_events_beyond_the_relays_checkpoint_are_left_to_the_relay(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(2)
    await log.append(2)
    assert await lines_of(log, 3) == [
        "0 events published again; the bus has every event that it should have"
    ]
    assert await broker.positions() == [1, 2]


async def test_a_position_above_the_head_is_refused_and_nothing_is_published(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(2)
    await broker.restart_empty()
    with pytest.raises(NotRepublished, match="position 3 is above the log's last event, 2"):
        await lines_of(log, 3)
    assert await broker.positions() == []


async def test_an_empty_log_has_nothing_to_publish(log: Log) -> None:
    for first in (0, 1):
        assert await lines_of(log, first) == [
            "0 events published again; the bus has every event that it should have"
        ]


async def test_a_loss_while_events_are_published_leaves_the_gap_open(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(4)
    await broker.restart_empty()
    async with (
        aclosing(await NatsPublisher.connect(broker.url)) as bus,
        aclosing(republish(log.pool, bus, 1, events_at_once=2)) as lines,
    ):
        assert await anext(lines) == "published 2 events, up to position 2 of 4"
        async with broker.jetstream() as stream:
            await stream.purge_stream(STREAM)
        with pytest.raises(NotRepublished, match="lost events while these were published"):
            _ = [line async for line in lines]
    assert await log.missing_to() == 4


async def test_a_loss_found_by_the_command_does_not_hide_events_of_the_relay(
    log: Log, broker: NatsBroker
) -> None:
    """The relay publishes events 4 and 5, the bus loses all, and the command is first to notice."""
    await log.relay_all(3)
    last = (await log.append(2))[-1]
    async with (
        aclosing(await NatsPublisher.connect(broker.url)) as bus,
        log.pool.acquire() as connection,
    ):
        checkpoint = await Checkpoint.read(connection, NAME)
        relay = BusRecord(connection, bus)
        begun = await relay.compare()
        published = await bus.publish((await log.events())[3:])
        async with broker.jetstream() as stream:
            await stream.delete_stream(STREAM)
        lines = await lines_of(log, 1)

        assert lines[-1] == (
            "3 events published again; the bus has every event that it should have"
        )
        assert not await relay.advance(checkpoint, last, published, begun)
        assert await log.checkpoint() == 3
        begun = await relay.compare()
        again = await bus.publish((await log.events())[3:])
        assert await relay.advance(checkpoint, last, again, begun)
    assert await broker.positions() == [1, 2, 3, 4, 5]
    assert await log.checkpoint() == 5


async def test_a_bus_that_does_not_answer_is_reported_within_seconds(
    log: Log, broker: NatsBroker
) -> None:
    await broker.kill()
    with pytest.raises(BusUnavailable, match="does not answer"):
        await lines_of(log, 0)


@pytest.mark.parametrize("keep", [None, 2])
async def test_events_that_were_just_purged_are_accepted_again(
    log: Log, broker: NatsBroker, keep: int | None
) -> None:
    await log.relay_all(4)
    async with broker.jetstream() as stream:
        await stream.purge_stream(STREAM, keep=keep)

    await lines_of(log, 1)

    assert sorted(await broker.positions()) == [1, 2, 3, 4]
    assert await log.missing_to() is None


async def test_events_deleted_a_moment_ago_are_taken_again_and_again(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(4)
    event = (await log.events())[1]
    async with broker.jetstream() as stream:
        for lost in (2, 5, 6):
            await stream.delete_msg(STREAM, lost)
            await lines_of(log, 1)
            await lines_of(log, 1)
            assert sorted(await broker.positions()) == [1, 2, 3, 4]
            newest = (await broker.messages())[-1]
            assert newest.headers["Nats-Msg-Id"] == f"{event.event_id}/{lost}"
    assert await log.missing_to() is None


@pytest.fixture
def settings() -> Settings:
    key = base64.b64encode(bytes(range(32))).decode()
    return Settings(payload_key=SecretStr(key), _env_file=None)


def test_a_position_is_taken_as_a_number_and_as_the_api_shows_it(settings: Settings) -> None:
    assert position("17", settings) == 17
    assert position(PositionCodec.of(settings).seal(17), settings) == 17


@pytest.mark.parametrize("text", ["", "abc", "-1", "1.5", "1e3", " 1", "²", "9" * 30])
def test_a_text_that_is_no_number_is_no_position(text: str, settings: Settings) -> None:
    with pytest.raises(NotRepublished, match="is no position: give FROM=<number>"):
        position(text, settings)


async def test_the_command_publishes_and_prints_the_result(
    log: Log, broker: NatsBroker, database_url: str
) -> None:
    await log.relay_all(3)
    await broker.restart_empty()
    code, output = await command("2", database_url, broker.settings)
    assert code == 0
    assert output.splitlines() == [
        "published 2 events, up to position 3 of 3",
        "2 events published again; the bus still lacks the events up to position 1",
    ]


@pytest.mark.parametrize(
    ("first", "changed", "says"),
    [
        ("9", {}, "position 9 is above the log's last event, 1"),
        ("x", {}, "'x' is no position: give FROM=<number>, 0 for everything"),
        ("", {}, "'' is no position: give FROM=<number>, 0 for everything"),
        ("1", {"WAYBILL_BUS": "memory"}, "WAYBILL_BUS is memory: its events end with its process"),
        ("1", {"WAYBILL_NATS_URL": "nats://127.0.0.1:1"}, "NATS at 127.0.0.1:1 does not answer"),
        ("1", {"WAYBILL_NATS_URL": ""}, "WAYBILL_NATS_URL is not set"),
        ("1", {"WAYBILL_DATABASE_URL": AWAY}, "PostgreSQL fails: "),
    ],
)
async def test_the_command_fails_in_one_line(
    log: Log, database_url: str, first: str, changed: dict[str, str], says: str
) -> None:
    await log.append(1)
    code, errors = await command(first, database_url, log.broker.settings | changed)
    assert code == 1
    assert errors.startswith(f"republish: {says}")
    assert errors.count("\n") == 1
