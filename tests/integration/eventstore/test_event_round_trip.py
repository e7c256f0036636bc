"""What the log gives back of an event, and that the bus's form of it is no other."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import pytest

from domain.money import Money
from domain.payment.events import PaymentRequested
from eventstore.cloudevents import decode, encode
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.pool import Pool
from eventstore.postgres import PostgresEventStore
from eventstore.versions import NO_STREAM

METADATA: Final = EventMetadata(
    correlation_id="o-1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    actor="customer:ada",
)


@pytest.mark.parametrize("method", ["pm_card_visa", "é語🧭", '"\\/\b\f\n\r\t\x01\x1f\x7f\u2028'])
async def test_an_event_from_the_log_comes_back_from_its_cloud_event_to_the_letter(
    method: str, module_pool: Pool
) -> None:
    store = PostgresEventStore(module_pool)
    event = PaymentRequested(
        order_id="o-1", attempt=1, amount=Money(amount=3_000, currency="EUR"), method=method
    )
    new = NewEvent(uuid4(), event, METADATA)
    appended = await store.save_events(f"payment-{uuid4()}", [new], NO_STREAM)
    [stored] = await store.load_all_events(appended.last_position - 1, 1)

    returned = decode(encode(stored))

    assert returned.data_json == stored.data_json
    assert returned.metadata == stored.metadata == METADATA
    assert returned.recorded_at == stored.recorded_at == appended.recorded_at
    assert (returned.position, returned.version) == (appended.last_position, 1)
    assert (returned.event_id, returned.stream_id) == (new.event_id, stored.stream_id)
    assert returned.decode() == event
