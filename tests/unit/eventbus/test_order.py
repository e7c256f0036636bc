"""Each stream keeps its order over calls that run at the same time, and through failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from uuid import UUID

import pytest

from eventbus.errors import BusUnavailable
from eventbus.order import Call, Order, Place
from eventstore.envelope import StoredEvent

REFUSED = ValueError("refused")
BEHIND = "an earlier event of the same stream was not published"


def event(name: str) -> StoredEvent:
    """Return an event by the letter of its stream and its version: `a1`."""
    return StoredEvent(
        position=1,
        stream_id=f"order-{name[0]}",
        version=int(name[1:]),
        event_id=UUID(int=1),
        type="OrderReserved",
        schema_version=1,
        data_json="{}",
        metadata_json='{"correlation_id": "o-1"}',
        recorded_at=datetime(2026, 11, 27, tzinfo=UTC),
    )


def events(names: str) -> list[StoredEvent]:
    return [event(name) for name in names.split()]


def sent(order: Order) -> dict[str, Place]:
    """Take what is ready, in its order."""
    taken = [order.ready.popleft() for _ in range(len(order.ready))]
    return {
        f"{place.event.stream_id[-1]}{place.event.version}": place
        for place in taken
        if not place.call.has_ended
    }


def names(order: Order) -> Sequence[str]:
    return list(sent(order))


async def outcome(call: Call) -> str:
    """Return how the call ended, without waiting for events that the bus claims to have."""
    assert call.has_ended
    try:
        assert await call.claimed() == []
    except (BusUnavailable, ValueError) as error:
        return str(error)
    return "kept"


@pytest.fixture
def order() -> Order:
    return Order()


async def test_an_event_is_ready_once_the_one_before_it_is_kept(order: Order) -> None:
    with order.taken(events("a1 b1 a2 a3 c1")) as call:
        first = sent(order)
        assert list(first) == ["a1", "b1", "c1"]
        order.keep(first["a1"])
        second = sent(order)
        assert list(second) == ["a2"]
        order.keep(second["a2"])
        third = sent(order)
        assert list(third) == ["a3"]
        for place in (third["a3"], first["b1"]):
            order.keep(place)
        assert not call.has_ended
        order.keep(first["c1"])
        assert await outcome(call) == "kept"
    assert names(order) == []


async def test_the_next_event_of_a_stream_is_sent_before_those_of_other_streams(
    order: Order,
) -> None:
    with order.taken(events("a1 a2 b1 c1")):
        order.keep(order.ready.popleft())
        assert names(order) == ["a2", "b1", "c1"]


async def test_a_later_call_waits_for_the_events_of_an_earlier_one(order: Order) -> None:
    with order.taken(events("a1 b1")) as first, order.taken(events("a2 c1")) as second:
        ready = sent(order)
        assert list(ready) == ["a1", "b1", "c1"]
        order.keep(ready["c1"])
        assert not second.has_ended
        order.keep(ready["a1"])
        order.keep(sent(order)["a2"])
        assert await outcome(second) == "kept"
        assert not first.has_ended
        order.keep(ready["b1"])
        assert await outcome(first) == "kept"


async def test_a_failure_ends_its_call_and_those_that_wait_for_it_and_no_other(
    order: Order,
) -> None:
    with ExitStack() as stack:
        calls = [
            stack.enter_context(order.taken(events(text)))
            for text in ("a1 b1", "b2 c1", "c2 d1", "e1", "a2")
        ]
        ready = sent(order)
        assert list(ready) == ["a1", "b1", "c1", "d1", "e1"]
        order.keep(ready["a1"])
        order.fail(calls[0], REFUSED)
        assert [await outcome(call) for call in calls[:3]] == ["refused", BEHIND, BEHIND]
        assert [call.has_ended for call in calls[3:]] == [False, False]
        # An answer that comes after the failure makes nothing ready that waits for it.
        order.keep(ready["b1"])
        assert names(order) == ["a2"]


async def test_nothing_is_sent_behind_a_failure_until_its_calls_have_returned(
    order: Order,
) -> None:
    with order.taken(events("a1")) as first:
        order.fail(first, REFUSED)
        with order.taken(events("a2")) as second, order.taken(events("a3 b1")) as third:
            assert [await outcome(call) for call in (second, third)] == [BEHIND, BEHIND]
            assert names(order) == []
    with order.taken(events("a1 a2")):
        assert names(order) == ["a1"]


async def test_a_call_that_is_cancelled_fails_those_that_wait_for_it(order: Order) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(order.taken(events("a1")))
        with order.taken(events("a2 b1")) as second:
            stack.close()
            assert await outcome(second) == BEHIND
            assert names(order) == []
    assert isinstance(first.failure, BusUnavailable)


async def test_a_call_waits_while_the_bus_claims_to_have_an_event(order: Order) -> None:
    with order.taken(events("a1 a2 b1")) as call:
        waiting = asyncio.create_task(call.claimed())
        ready = sent(order)
        call.claim(ready["a1"], 7)
        call.claim(ready["b1"], 8)
        assert [place.sequence for place in await waiting] == [7, 8]
        assert names(order) == []
        order.keep(ready["b1"])
        order.send_again(ready["a1"])
        assert names(order) == ["a1"]
        order.keep(ready["a1"])
        order.keep(sent(order)["a2"])
        assert await outcome(call) == "kept"


async def test_a_call_knows_the_first_and_the_last_of_its_new_numbers(order: Order) -> None:
    with order.taken(events("a1 b1 c1")) as call:
        assert (call.first_sequence, call.last_sequence) == (0, 0)
        for sequence in (5, 4, 6):
            call.note_new(sequence)
        assert (call.first_sequence, call.last_sequence) == (4, 6)


async def test_a_call_without_events_ends_at_once(order: Order) -> None:
    with order.taken([]) as call:
        assert await outcome(call) == "kept"
