"""The story of an order is its events without personal data, which a test loads and folds."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from domain.money import Money
from domain.note.events import OrderNoteAdded
from domain.order.decide import ORDER
from domain.order.events import OrderCreated, OrderReserved
from domain.order.state import OrderStatus
from domain.payment.events import PaymentRequested
from domain.shipping.events import ShipmentCreated
from eventstore.cloudevents import MalformedCloudEvent
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from queries import story
from queries.order_fold import folded
from queries.story import LEFT_OUT, NoSuchOrder
from tests.support.forks import ran
from tests.support.keys import a_vault
from tests.support.order_log import ADDRESS, CONTACT, OrderLog

ROOT = Path(__file__).parents[3]
NOTE = "The customer moves house."


@pytest.fixture
async def log(pool: Pool) -> OrderLog:
    """A log with the order o1, and another order beside it."""
    log = OrderLog(PostgresEventStore(pool, vault=a_vault(pool)))
    await log.place("o1")
    await log.place("o2")
    await log.append("order-o1", OrderReserved(order_id="o1"))
    note = OrderNoteAdded(order_id="o1", customer_id="ada", text=NOTE)
    await log.append("note-o1", note)
    requested = PaymentRequested(order_id="o1", attempt=1, amount=_euros(), method="pm_card_visa")
    await log.append("payment-o1", requested)
    await log.append("shipment-o1", ShipmentCreated(order_id="o1", shipment_id="s1"))
    return log


def _euros() -> Money:
    return Money(amount=500, currency="EUR")


async def written(log: OrderLog, order_id: str = "o1") -> str:
    assert isinstance(log.store, PostgresEventStore)
    return story.dump(await story.story(log.store, order_id))


async def test_a_story_has_the_events_of_its_order_alone_by_position(log: OrderLog) -> None:
    events = story.load(await written(log))

    assert [(event.stream_id, event.type) for event in events] == [
        ("order-o1", "OrderCreated"),
        ("order-o1", "OrderReserved"),
        ("note-o1", "OrderNoteAdded"),
        ("payment-o1", "PaymentRequested"),
        ("shipment-o1", "ShipmentCreated"),
    ]
    assert [event.position for event in events] == sorted(event.position for event in events)


async def test_a_story_folds_to_the_order_of_the_log(log: OrderLog) -> None:
    events = story.load(await written(log))
    stored = [e for s in ("order-o1", "payment-o1", "shipment-o1") for e in await _events(log, s)]

    assert folded(events) == folded(stored)
    state = ORDER.fold(event.decode() for event in events if event.category == "order")
    assert (state.status, state.customer_id) == (OrderStatus.RESERVED, "ada")


async def test_a_story_holds_no_personal_value_sealed_or_in_clear(log: OrderLog) -> None:
    text = await written(log)

    (placed, *_) = await _events(log, "order-o1")
    sealed = placed.data["shipping_address"]["ciphertext"]
    values = [*ADDRESS.model_dump().values(), *CONTACT.model_dump().values(), NOTE, sealed]
    assert [value for value in values if f'"{value}"' in text and value != "GB"] == []
    event = story.load(text)[0].decode()
    assert isinstance(event, OrderCreated)
    assert (event.shipping_address, event.contact) == (LEFT_OUT, LEFT_OUT)


async def test_a_value_that_was_not_given_stays_absent(log: OrderLog) -> None:
    await log.place("o3", contact=None)

    (placed,) = story.load(await written(log, "o3"))

    assert placed.data["contact"] is None


async def test_leaving_out_changes_no_other_part_of_an_event(log: OrderLog) -> None:
    for stored, told in zip(
        await _events(log, "order-o1"), story.load(await written(log))[:2], strict=True
    ):
        assert replace(told, data_json=stored.data_json, metadata_json="") == replace(
            stored, metadata_json=""
        )
        assert told.metadata == stored.metadata


@pytest.mark.parametrize("order_id", ["nothing", "", "no\x00id", "x" * 300])
async def test_an_order_that_is_none_has_no_story(log: OrderLog, order_id: str) -> None:
    with pytest.raises(NoSuchOrder, match="pass the id of an order"):
        await written(log, order_id)


def test_a_line_that_is_no_event_is_refused() -> None:
    with pytest.raises(MalformedCloudEvent):
        story.load("{}\n")


async def test_the_command_writes_the_story_and_names_an_order_that_is_none(
    log: OrderLog, database_url: str
) -> None:
    assert await command(database_url, "o1") == (0, await written(log), "")
    assert await command(database_url, "o9") == (
        *(1, ""),
        "story: the log has no order 'o9': pass the id of an order\n",
    )


async def command(database_url: str, order_id: str) -> tuple[int | None, str, str]:
    environment = {**os.environ, "WAYBILL_DATABASE_URL": database_url}
    ended = await ran("-m", "queries.story", "--order", order_id, environment=environment)
    return ended.code, ended.out, ended.err


async def _events(log: OrderLog, stream_id: str) -> list[StoredEvent]:
    return await log.store.load_events(stream_id)
