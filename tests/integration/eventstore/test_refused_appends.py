"""A refused append leaves no trace: no event, no position, no statement to PostgreSQL."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final
from uuid import uuid4

import pytest

from domain.event import Event
from domain.registry import EVENT_TYPES
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import InvalidAppend
from eventstore.postgres import PostgresEventStore
from eventstore.validation import MAX_EVENT_BYTES, MAX_EVENTS, MAX_STREAMS
from eventstore.versions import ANY, ExpectedVersion
from kit.pool import Connection, Pool

METADATA: Final = EventMetadata(correlation_id="probe-1")


class Measured(Event):
    """An event type of these tests alone, with a field that takes anything."""

    value: Any


class MeasuredAnew(Event):
    schema_version: ClassVar[int] = 2

    value: Any


class Unregistered(Event):
    value: Any


MeasuredAnew.__name__ = "Measured"


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EVENT_TYPES, "Measured", Measured)
        yield


def append(
    event: Event, stream_id: str = "probe-1", expected: ExpectedVersion = ANY
) -> StreamAppend:
    return StreamAppend(stream_id, [NewEvent(uuid4(), event, METADATA)], expected)


FINE: Final = Measured(value="fine")
REFUSED: Final[dict[str, Callable[[], StreamAppend]]] = {
    "an event over 1 MB": lambda: append(Measured(value="x" * MAX_EVENT_BYTES)),
    "a NUL character": lambda: append(Measured(value={"deep": ["\0"]})),
    "NaN": lambda: append(Measured(value=math.nan)),
    "Infinity": lambda: append(Measured(value=-math.inf)),
    "half of a surrogate pair": lambda: append(Measured(value="\ud800")),
    "an unknown type": lambda: append(Unregistered(value=1)),
    "a version from the future": lambda: append(MeasuredAnew(value=1)),
    "a stream name with a space": lambda: append(FINE, "probe-1 2"),
    "a stream name of 10,000 characters": lambda: append(FINE, "probe-" + "1" * 9_994),
    "expected version -5": lambda: append(FINE, expected=-5),
    "expected version -1": lambda: append(FINE, expected=-1),
    "expected version True": lambda: append(FINE, expected=True),
    "no events": lambda: StreamAppend("probe-1", [], ANY),
}


class NoPool:
    """A pool that fails every use."""


async def _trace(pool: Pool) -> tuple[int, int]:
    """Return the number of events, and of the positions that were ever drawn."""
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM eventstore.event), last_value FROM eventstore.event_position"
    )
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("what", REFUSED)
async def test_a_refused_append_asks_nothing_of_the_database(what: str) -> None:
    store = PostgresEventStore(NoPool())  # type: ignore[arg-type]  # it must not be touched
    with pytest.raises(InvalidAppend):
        await store.append([REFUSED[what]()])


@pytest.mark.parametrize("what", REFUSED)
async def test_one_refused_event_keeps_the_whole_append_out(what: str, module_pool: Pool) -> None:
    store = PostgresEventStore(module_pool)
    before = await _trace(module_pool)
    with pytest.raises(InvalidAppend):
        await store.append([append(FINE, "probe-2"), REFUSED[what]()])
    assert await _trace(module_pool) == before


@pytest.mark.parametrize(
    "value",
    [
        "\\u0000",
        "NaN",
        "-Infinity",
        "\x01\x1f\x7f",
        "é語🧭",
        "x" * (MAX_EVENT_BYTES - 100),
        2**63,
        [],
        None,
    ],
    ids=range(9),
)
async def test_every_accepted_text_is_stored_and_comes_back(
    value: object, module_pool: Pool
) -> None:
    store = PostgresEventStore(module_pool)
    appended = await store.append([append(Measured(value=value), f"probe-{uuid4()}")])
    [stored] = await store.load_all_events(appended.last_position - 1, 1)
    assert stored.decode() == Measured(value=value)


async def test_an_append_of_40_000_streams_asks_nothing_of_the_database() -> None:
    store = PostgresEventStore(NoPool())  # type: ignore[arg-type]  # it must not be touched
    with pytest.raises(InvalidAppend, match="an append to 40000 streams: 256 are allowed"):
        await store.append([append(FINE, f"probe-{n}") for n in range(40_000)])


async def test_twenty_appends_of_the_largest_size_fit_into_the_lock_table_at_once(
    pool: Pool,
) -> None:
    """All connections of a process hold their streams' locks at the same moment."""
    store = PostgresEventStore(pool, [Meeting(asyncio.Barrier(20))])

    results = await asyncio.gather(
        *(
            store.append([append(FINE, f"probe-{writer}-{n}") for n in range(MAX_STREAMS)])
            for writer in range(20)
        )
    )

    assert [len(result.positions) for result in results] == [MAX_STREAMS] * 20


class Meeting:
    """An inline projection that waits until this many appends have reached it."""

    def __init__(self, all_of_them: asyncio.Barrier) -> None:
        self._all = all_of_them

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del connection, events
        await self._all.wait()


async def test_the_largest_append_is_stored(module_pool: Pool) -> None:
    store = PostgresEventStore(module_pool)
    events = [NewEvent(uuid4(), FINE, METADATA) for _ in range(MAX_EVENTS)]

    result = await store.save_events(f"probe-{uuid4()}", events, ANY)

    assert result.versions == tuple(range(1, MAX_EVENTS + 1))
