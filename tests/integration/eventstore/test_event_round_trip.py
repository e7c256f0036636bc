"""The log returns an event as it was appended, and the bus carries the same form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import Money
from domain.payment.events import PaymentRequested
from eventstore.cloudevents import decode, encode
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import NO_STREAM
from kit.pool import Pool

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

    assert returned == stored
    assert (returned.metadata, returned.recorded_at) == (METADATA, appended.recorded_at)
    assert (returned.position, returned.version) == (appended.last_position, 1)
    assert returned.decode() == event


INSERT: Final = """
    INSERT INTO eventstore.event
        (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
    VALUES ($1, 1, gen_random_uuid(), 'Measured', 1, $2, $3, $4) RETURNING position
"""
NUMBERS: Final = (
    *("1.10", "1.0", "-0", "-0.0", "0.1e1", "1e5", "1E-7", "1e400", "1e-400"),
    *("0.10000000000000000000001", "123456789012345678901234567890"),
    *("9007199254740993", "2.2250738585072014e-308"),
)


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_comes_back_as_postgresql_writes_it(number: str, module_pool: Pool) -> None:
    stored = await inserted(module_pool, f'{{"b":{number}, "a":[{number}], "a":{{"c":{number}}}}}')

    assert decode(encode(stored)) == stored


@pytest.mark.parametrize(
    "metadata",
    [
        {"correlation_id": ""},
        {"correlation_id": "o-1", "actor": None},
        {"correlation_id": "o-1", "tenant": {"id": 7, "é": [1.5, None]}},
        METADATA.model_dump(),
        EventMetadata(
            correlation_id="é語🧭",
            causation_id="\x01\x1f\x7f",
            traceparent="",
            actor='"',
            workflow_id="\\",
            step="\u2028",
        ).model_dump(),
    ],
    ids=range(5),
)
async def test_metadata_comes_back_as_postgresql_writes_it(
    metadata: dict[str, object], module_pool: Pool
) -> None:
    stored = await inserted(module_pool, "{}", json.dumps(metadata))

    assert decode(encode(stored)) == stored


@pytest.mark.parametrize("microsecond", [0, 1, 100_000, 999_999])
@pytest.mark.parametrize("year", [1, 1969, 2026, 9999])
async def test_the_time_comes_back_to_the_microsecond(
    year: int, microsecond: int, module_pool: Pool
) -> None:
    recorded_at = datetime(year, 6, 7, 8, 9, 10, microsecond, UTC)
    stored = await inserted(module_pool, "{}", recorded_at=recorded_at)

    returned = decode(encode(stored))

    assert returned == stored
    assert returned.recorded_at == recorded_at


TEXT: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(data=st.dictionaries(TEXT, VALUES, max_size=4), texts=st.lists(TEXT, min_size=6, max_size=6))
@settings(max_examples=100, deadline=None)
async def test_any_event_that_postgresql_holds_comes_back_equal(
    data: dict[str, object], texts: list[str], module_pool: Pool
) -> None:
    metadata = dict(zip(EventMetadata.model_fields, texts, strict=True))
    stored = await inserted(module_pool, json.dumps(data), json.dumps(metadata))

    assert decode(encode(stored)) == stored


async def inserted(
    pool: Pool,
    data: str,
    metadata: str = '{"correlation_id": "o-1"}',
    recorded_at: datetime | None = None,
) -> StoredEvent:
    """Insert the event without the store, so that it holds what no current event type has."""
    at = recorded_at or datetime.now(UTC)
    position = await pool.fetchval(INSERT, f"probe-{uuid4()}", data, metadata, at)
    [stored] = await PostgresEventStore(pool).load_all_events(position - 1, 1)
    return stored
