from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from eventstore.envelope import StoredEvent, StreamAppend
from eventstore.errors import EventIdReused, VersionConflict
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY, NO_STREAM, STREAM_EXISTS, ExpectedVersion
from kit.pool import Connection, Pool
from tests.integration.eventstore.conftest import some_events, to


async def test_events_are_read_back_unchanged(store: PostgresEventStore) -> None:
    events = some_events(3)

    result = await store.save_events("order-1", events, NO_STREAM)

    assert (result.versions, result.positions, result.duplicate) == ((1, 2, 3), (1, 2, 3), False)
    stored = await store.load_events("order-1")
    assert [(e.event_id, e.decode(), e.version, e.position) for e in stored] == [
        (new.event_id, new.event, n, n) for n, new in enumerate(events, start=1)
    ]
    assert {e.recorded_at for e in stored} == {result.recorded_at}
    assert {e.metadata.correlation_id for e in stored} == {"test"}


@pytest.mark.parametrize(
    ("expected", "actual"), [(NO_STREAM, 2), (0, 2), (1, 2), (3, 2), (STREAM_EXISTS, 0), (1, 0)]
)
@pytest.mark.parametrize("count", [1, 3])
async def test_a_stream_at_another_version_is_a_conflict_that_names_both(
    store: PostgresEventStore, expected: ExpectedVersion, actual: int, count: int
) -> None:
    if actual:
        await store.save_events("order-1", some_events(actual), NO_STREAM)

    with pytest.raises(VersionConflict) as conflict:
        await store.append([to("order-1", count, expected)])

    refusal = conflict.value
    assert (refusal.stream_id, refusal.expected, refusal.actual) == ("order-1", expected, actual)
    assert len(await store.load_all_events()) == actual


@pytest.mark.parametrize("expected", [2, STREAM_EXISTS, ANY])
@pytest.mark.parametrize("count", [1, 3])
async def test_a_stream_at_the_expected_version_grows(
    store: PostgresEventStore, expected: ExpectedVersion, count: int
) -> None:
    await store.save_events("order-1", some_events(2), NO_STREAM)

    result = await store.save_events("order-1", some_events(count), expected)

    assert result.versions == tuple(range(3, 3 + count))


@pytest.mark.parametrize("expected", [NO_STREAM, 0, STREAM_EXISTS, ANY])
@pytest.mark.parametrize("count", [1, 3])
async def test_the_same_append_again_returns_the_first_result_and_changes_nothing(
    store: PostgresEventStore, expected: ExpectedVersion, count: int
) -> None:
    if expected is STREAM_EXISTS:
        await store.save_events("order-1", some_events(), NO_STREAM)
    events = some_events(count)
    first = await store.save_events("order-1", events, expected)
    await store.save_events("order-1", some_events(), ANY)
    before = await store.load_all_events()

    again = await store.save_events("order-1", events, expected)

    assert (again.positions, again.versions) == (first.positions, first.versions)
    assert (again.recorded_at, again.duplicate) == (first.recorded_at, True)
    assert await store.load_all_events() == before


async def test_a_repeated_append_whose_version_matches_again_is_still_a_repeat(
    store: PostgresEventStore,
) -> None:
    events = some_events(2)
    first = await store.save_events("order-1", events, ANY)

    again = await store.save_events("order-1", events, 2)

    assert (again.positions, again.duplicate) == (first.positions, True)


@pytest.mark.parametrize("expected", [NO_STREAM, 2, ANY])
async def test_known_ids_beside_new_ids_are_refused(
    store: PostgresEventStore, expected: ExpectedVersion
) -> None:
    events = some_events(2)
    await store.save_events("order-1", events, NO_STREAM)

    with pytest.raises(EventIdReused):
        await store.save_events("order-1", [events[0], *some_events()], expected)

    assert len(await store.load_all_events()) == 2


@pytest.mark.parametrize("expected", [NO_STREAM, ANY])
async def test_known_ids_in_another_stream_are_refused(
    store: PostgresEventStore, expected: ExpectedVersion
) -> None:
    events = some_events(2)
    await store.save_events("order-1", events, NO_STREAM)

    with pytest.raises(EventIdReused) as refusal:
        await store.save_events("order-2", events, expected)

    assert refusal.value.stream_ids == ("order-2",)
    assert await store.load_events("order-2") == []


async def test_several_streams_are_appended_to_together(store: PostgresEventStore) -> None:
    await store.append([to("order-2")])

    result = await store.append(
        [to("order-1", 2, NO_STREAM), to("order-2", 2, 1), to("order-3", 1, ANY)]
    )

    assert result.versions == (1, 2, 2, 3, 1)
    assert result.positions == (2, 3, 4, 5, 6)


async def test_a_conflict_on_one_of_several_streams_appends_to_no_stream(
    store: PostgresEventStore,
) -> None:
    await store.append([to("order-2")])

    with pytest.raises(VersionConflict) as conflict:
        await store.append([to("order-1", 2, NO_STREAM), to("order-2", 1, NO_STREAM)])

    assert conflict.value.stream_id == "order-2"
    assert await store.load_events("order-1") == []


class Counting:
    """An inline projection that counts events, and fails on demand."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.fails = False

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        await connection.execute("INSERT INTO seen SELECT unnest($1::bigint[])", self._note(events))
        if self.fails:
            raise RuntimeError("the read model could not be changed")

    def _note(self, events: Sequence[StoredEvent]) -> list[int]:
        self.seen += [event.position for event in events]
        return [event.position for event in events]


async def test_events_commit_together_with_their_inline_read_models(
    pool: Pool, owner: asyncpg.Connection
) -> None:
    await owner.execute("CREATE TABLE seen (position bigint)")
    await owner.execute("GRANT ALL ON seen TO PUBLIC")
    counting = Counting()
    store = PostgresEventStore(pool, [counting])
    append = to("order-1", 2)
    await store.append([append])
    await store.append([append])
    counting.fails = True

    with pytest.raises(RuntimeError, match="the read model could not be changed"):
        await store.append([to("order-1")])

    assert counting.seen == [1, 2, 4]  # the repeat drew 3 and did not use it
    assert await pool.fetchval("SELECT array_agg(position ORDER BY position) FROM seen") == [1, 2]
    assert len(await store.load_events("order-1")) == 2


async def test_two_concurrent_appends_of_the_same_ids_are_one(pool: Pool) -> None:
    store = PostgresEventStore(pool)
    append = StreamAppend("order-1", some_events(3), ANY)

    results = await asyncio.gather(*(store.append([append]) for _ in range(8)))

    assert {result.positions for result in results} == {results[0].positions}
    assert sorted(result.duplicate for result in results) == [False, *[True] * 7]
    assert len(await store.load_all_events()) == 3


async def test_a_hot_stream_takes_every_writer_that_expects_nothing(pool: Pool) -> None:
    store = PostgresEventStore(pool)

    results = await asyncio.gather(*(store.append([to("order-1")]) for _ in range(200)))

    assert sorted(result.versions[0] for result in results) == list(range(1, 201))
    in_log = [event.version for event in await store.load_all_events()]
    assert in_log == list(range(1, 201))
