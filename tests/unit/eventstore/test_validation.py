from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest

from domain.event import Event
from domain.order.events import OrderMilestone, OrderReserved
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.errors import InvalidAppend
from eventstore.validation import MAX_EVENTS, MAX_STREAMS, check_appends
from eventstore.versions import ANY, NO_STREAM, STREAM_EXISTS, ExpectedVersion

METADATA: Final = EventMetadata(correlation_id="o-1")
RESERVED: Final = OrderReserved(order_id="o-1")


class OrderForgotten(Event):
    order_id: str


class _Impostor(Event):
    order_id: str


_Impostor.__name__ = "OrderReserved"


def new(number: int, event: Event = RESERVED) -> NewEvent:
    return NewEvent(UUID(int=number), event, METADATA)


def append(
    stream_id: str = "order-o-1",
    events: Sequence[NewEvent] = (new(1),),
    expected: ExpectedVersion = NO_STREAM,
) -> StreamAppend:
    return StreamAppend(stream_id, events, expected)


def test_several_events_of_several_streams_are_fine() -> None:
    check_appends([append(events=[new(1), new(2)]), append("inventory-cup", [new(3)], expected=7)])


@pytest.mark.parametrize("expected", [0, 1, 7, NO_STREAM, STREAM_EXISTS, ANY])
def test_every_valid_version_and_expectation_is_accepted(expected: ExpectedVersion) -> None:
    check_appends([append(expected=expected)])


@pytest.mark.parametrize("expected", [-1, -2, -5, 2**63])
def test_a_number_that_no_version_can_have_is_not_taken_for_an_expectation(expected: int) -> None:
    _refused([append(expected=expected)], f"stream order-o-1: {expected} is no version")


@pytest.mark.parametrize("expected", [True, False])
def test_a_boolean_is_no_version(expected: bool) -> None:
    _refused([append(expected=expected)], f"stream order-o-1: {expected} is no version")


@pytest.mark.parametrize(
    "stream_id",
    ["order-o-1", "order-1", "inventory-A.b_c:d-e", "order-" + "a" * 200, "x" * 40 + "-1"],
)
def test_a_stream_name_is_a_category_a_dash_and_an_id(stream_id: str) -> None:
    check_appends([append(stream_id)])


@pytest.mark.parametrize(
    "stream_id",
    [
        "",
        "order",
        "order-",
        "-o-1",
        "Order-o-1",
        "order2-o-1",
        "order--1",
        "order-o 1",
        "order-o/1",
        "order-o-1\n",
        "order-ø",
        "order-o\x00",
        "order-" + "a" * 201,
        "x" * 41 + "-1",
    ],
)
def test_anything_else_is_no_stream_name(stream_id: str) -> None:
    _refused([append(stream_id)], "is no stream name")


def test_a_long_stream_name_is_shortened_in_messages() -> None:
    with pytest.raises(InvalidAppend) as caught:
        check_appends([append("order-" + "a" * 10_000)])
    assert len(str(caught.value)) < 300


def test_an_append_without_a_stream_is_refused() -> None:
    _refused([], "name at least one stream")


def test_an_append_without_an_event_is_refused() -> None:
    _refused([append(), append("order-o-2", [])], "stream order-o-2: an append takes at least one")


def test_a_stream_is_named_once() -> None:
    _refused([append(events=[new(1)]), append(events=[new(2)])], "a stream may be named only once")


def test_an_append_may_reach_the_limits_of_streams_and_events() -> None:
    check_appends([append(f"order-{n}", [new(n)]) for n in range(MAX_STREAMS)])
    check_appends([append(events=[new(n) for n in range(MAX_EVENTS)])])


@pytest.mark.parametrize("streams", [MAX_STREAMS + 1, 40_000])
def test_an_append_to_too_many_streams_is_refused_by_the_limit(streams: int) -> None:
    _refused(
        [append(f"order-{n}", [new(n)]) for n in range(streams)],
        f"an append to {streams} streams: {MAX_STREAMS} are allowed",
    )


def test_an_append_of_too_many_events_is_refused_by_the_limit() -> None:
    events = [new(n) for n in range(MAX_EVENTS + 1)]
    for appends in (
        [append(events=events)],
        [append(events=events[:1]), append("order-o-2", events[1:])],
    ):
        _refused(appends, f"an append of {MAX_EVENTS + 1} events: {MAX_EVENTS} are allowed")


@pytest.mark.parametrize(
    "appends",
    [
        [append(events=[new(1), new(1)])],
        [append(events=[new(1)]), append("order-o-2", [new(2), new(1)])],
    ],
)
def test_no_two_events_have_the_same_id(appends: Sequence[StreamAppend]) -> None:
    _refused(appends, "two events of one append have the same id")


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (OrderForgotten(order_id="o-1"), "OrderForgotten"),
        (OrderMilestone(order_id="o-1"), "OrderMilestone"),
        (_Impostor(order_id="o-1"), "OrderReserved"),
    ],
)
def test_an_event_that_could_not_be_read_again_is_not_written(event: Event, name: str) -> None:
    _refused(
        [append(events=[new(1), new(2, event)])], f"{name} is not an event of domain/registry.py"
    )


def _refused(appends: Sequence[StreamAppend], message: str) -> None:
    with pytest.raises(InvalidAppend) as caught:
        check_appends(appends)
    assert message in str(caught.value)
