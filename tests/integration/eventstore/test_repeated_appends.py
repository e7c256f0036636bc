"""The store distinguishes a repeated append from another append with the same event ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import pytest

from activities.command_handler import CommandHandler, Step
from domain.event import Event, Upcaster
from domain.inventory.commands import ReceiveStock, ReleaseStock, ReserveStock
from domain.order.events import OrderConfirmed, OrderReserved
from domain.registry import EVENT_TYPES
from domain.saga.commands import InterveneOnStep, Intervention, ParkStep
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.errors import EventIdReused
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY, NO_STREAM, ExpectedVersion
from kit.pool import Pool

METADATA: Final = EventMetadata(correlation_id="test", traceparent="00-1-1-01", actor="system")


class Measured(Event):
    """An event type of these tests alone, with a field that takes anything."""

    value: Any


class MeasuredAnew(Event):
    schema_version: ClassVar[int] = 2
    upcasters: ClassVar[Mapping[int, Upcaster]] = {1: lambda data: {**data, "unit": "metre"}}

    value: Any
    unit: str


MeasuredAnew.__name__ = "Measured"


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EVENT_TYPES, "Measured", Measured)
        yield


@pytest.fixture
def store(module_pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(module_pool)


@pytest.fixture
def stream() -> str:
    return f"probe-{uuid4()}"


def new(event: Event, event_id: UUID | None = None) -> NewEvent:
    return NewEvent(event_id or uuid4(), event, METADATA)


@pytest.mark.parametrize("expected", [ANY, NO_STREAM, 2])
@pytest.mark.parametrize("at", [0, 1])
async def test_the_same_ids_with_other_data_are_refused(
    store: PostgresEventStore, stream: str, expected: ExpectedVersion, at: int
) -> None:
    events = [new(Measured(value="a")), new(Measured(value="b"))]
    await store.save_events(stream, events, NO_STREAM)
    before = await store.load_events(stream)
    changed = list(events)
    changed[at] = new(Measured(value="other"), events[at].event_id)

    with pytest.raises(EventIdReused) as refused:
        await store.save_events(stream, changed, expected)

    assert refused.value.stream_ids == (stream,)
    assert {event.event_id for event in refused.value.stored} == {e.event_id for e in events}
    assert await store.load_events(stream) == before


async def test_the_same_id_with_another_type_is_refused(
    store: PostgresEventStore, stream: str
) -> None:
    first = new(OrderReserved(order_id="o-1"))
    await store.save_events(stream, [first], NO_STREAM)

    with pytest.raises(EventIdReused):
        await store.save_events(stream, [new(OrderConfirmed(order_id="o-1"), first.event_id)], ANY)


@pytest.mark.parametrize(
    ("stored", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "b": None}),
        ([1, 2], [2, 1]),
        (1, "1"),
        (None, False),
        (2**53, 2**53 + 1),
        (0.1, 0.10000000000000002),
        ("é", "e\u0301"),
    ],
)
async def test_any_difference_in_the_data_is_other_data(
    store: PostgresEventStore, stream: str, stored: object, other: object
) -> None:
    event = new(Measured(value=stored))
    await store.save_events(stream, [event], ANY)

    with pytest.raises(EventIdReused):
        await store.save_events(stream, [new(Measured(value=other), event.event_id)], ANY)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": 2},
        1e23,
        1e-7,
        5e-324,
        1.7e308,
        -0.0,
        10**400,
        2**64,
        "é語🧭\x01\u2028",
        [],
        {},
    ],
)
async def test_a_value_that_postgresql_writes_in_another_way_is_the_same_data(
    store: PostgresEventStore, stream: str, value: object
) -> None:
    event = new(Measured(value=value))
    first = await store.save_events(stream, [event], ANY)

    again = await store.save_events(stream, [event], ANY)

    assert (again.positions, again.duplicate) == (first.positions, True)


async def test_a_retry_with_other_metadata_is_the_same_append(
    store: PostgresEventStore, stream: str
) -> None:
    event = new(Measured(value=1))
    first = await store.save_events(stream, [event], NO_STREAM)
    other = EventMetadata(correlation_id="c", traceparent="00-2-2-01", actor="operator:eve")

    again = await store.save_events(stream, [replace(event, metadata=other)], NO_STREAM)

    assert (again.positions, again.duplicate) == (first.positions, True)
    [stored] = await store.load_events(stream)
    assert stored.metadata == METADATA


async def test_an_append_made_before_a_new_schema_version_is_compared_in_the_new_one(
    store: PostgresEventStore, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = new(Measured(value=1))
    first = await store.save_events(stream, [event], NO_STREAM)
    monkeypatch.setitem(EVENT_TYPES, "Measured", MeasuredAnew)

    again = await store.save_events(
        stream, [new(MeasuredAnew(value=1, unit="metre"), event.event_id)], NO_STREAM
    )
    with pytest.raises(EventIdReused):
        await store.save_events(
            stream, [new(MeasuredAnew(value=1, unit="foot"), event.event_id)], NO_STREAM
        )

    assert (again.positions, again.duplicate) == (first.positions, True)


async def test_an_append_made_by_a_newer_schema_version_is_other_data(
    store: PostgresEventStore, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EVENT_TYPES, "Measured", MeasuredAnew)
    event = new(MeasuredAnew(value=1, unit="metre"))
    await store.save_events(stream, [event], NO_STREAM)
    monkeypatch.setitem(EVENT_TYPES, "Measured", Measured)

    with pytest.raises(EventIdReused):
        await store.save_events(stream, [new(Measured(value=1), event.event_id)], NO_STREAM)


async def test_a_repeat_of_several_streams_returns_the_first_result_in_the_order_asked(
    store: PostgresEventStore,
) -> None:
    handler = CommandHandler(store)
    sku, other = f"s{uuid4()}", f"s{uuid4()}"
    step = Step("test", uuid4().hex, "test")
    receipts = [ReceiveStock(aggregate_id=name, quantity=3) for name in (sku, other)]

    first = await handler.handle(step, *receipts)

    assert await handler.handle(step, *receipts) == first
    assert len(await store.load_events(f"inventory-{sku}")) == 1


async def test_a_step_repeated_after_its_own_effect_has_its_first_position(
    store: PostgresEventStore,
) -> None:
    """The saga was parked and continued since: parking now would be the second parking."""
    handler, order = CommandHandler(store), str(uuid4())
    step = Step("test", uuid4().hex, "test")
    park = ParkStep(
        aggregate_id=order,
        step="capture",
        undoing=False,
        code="x",
        message="m",
        workflow_id="w",
    )
    first = await handler.handle(step, park)
    decide = InterveneOnStep(
        aggregate_id=order, step="capture", parking=1, kind=Intervention.RETRY, reason="r"
    )
    await handler.handle(Step("test", uuid4().hex, "test"), decide)

    assert await handler.handle(step, park) == first
    assert [e.type for e in await store.load_events(f"saga-{order}")] == [
        "SagaParked",
        "SagaRetried",
    ]


async def test_a_step_that_runs_again_with_other_commands_is_refused(
    store: PostgresEventStore,
) -> None:
    handler, sku = CommandHandler(store), f"s{uuid4()}"
    step = Step("test", uuid4().hex, "test")
    await handler.handle(step, ReceiveStock(aggregate_id=sku, quantity=3))

    for other in (
        ReceiveStock(aggregate_id=sku, quantity=4),
        ReserveStock(aggregate_id=sku, order_id="o", quantity=1),
    ):
        with pytest.raises(EventIdReused):
            await handler.handle(step, other)
    assert (
        await handler.handle(step, ReleaseStock(aggregate_id=sku, order_id="o"))
        == (await store.load_events(f"inventory-{sku}"))[0].position
    )
    assert len(await store.load_events(f"inventory-{sku}")) == 1
