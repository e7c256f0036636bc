"""The AsyncAPI document describes what the bus carries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from domain.event import Event
from domain.registry import EVENT_TYPES
from eventbus.routing import PARTITIONS
from eventstore.cloudevents import encode, metadata_as_stored
from eventstore.envelope import EventMetadata, StoredEvent
from eventstore.privacy.vault import with_blank_seals
from tests.samples.files import Sample, samples
from tools import asyncapi

DOCUMENT = asyncapi.document()
FULL = EventMetadata(
    correlation_id="order-1",
    causation_id="order-1/place",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    actor="system",
    workflow_id="order-1",
    step="place",
)
CURRENT = [s for s in samples() if s.schema_version == EVENT_TYPES[s.type].schema_version]

Json = dict[str, Any]


def on_the_bus(sample: Sample, metadata: EventMetadata) -> Json:
    """Return the message of a sample: the log seals the personal data before it stores an event."""
    event: Event = EVENT_TYPES[sample.type].model_validate_json(sample.text)
    stored = StoredEvent(
        position=17,
        stream_id="order-1",
        version=1,
        event_id=UUID(int=1),
        type=sample.type,
        schema_version=sample.schema_version,
        data_json=with_blank_seals(event).model_dump_json(),
        metadata_json=metadata_as_stored(metadata),
        recorded_at=datetime(2026, 11, 27, tzinfo=UTC),
    )
    message: Json = json.loads(encode(stored))
    return message


def validator(sample: Sample) -> jsonschema.Draft7Validator:
    payload = DOCUMENT["components"]["messages"][f"{sample.type}.v{sample.schema_version}"][
        "payload"
    ]
    checker = jsonschema.FormatChecker()
    return jsonschema.Draft7Validator(DOCUMENT | payload, format_checker=checker)


def test_the_document_is_up_to_date() -> None:
    assert asyncapi.main(["--check"]) == 0


def test_every_event_type_is_a_message_of_both_brokers() -> None:
    names = {f"{name}.v{kind.schema_version}" for name, kind in EVENT_TYPES.items()}

    assert DOCUMENT["components"]["messages"].keys() == names
    for channel in DOCUMENT["channels"].values():
        assert channel["messages"].keys() == names


@pytest.mark.parametrize("sample", CURRENT, ids=lambda s: f"{s.type} {s.form}".strip())
def test_every_recorded_event_on_the_bus_is_as_described(sample: Sample) -> None:
    for metadata in (FULL, EventMetadata(correlation_id="order-1")):
        message = on_the_bus(sample, metadata)
        validator(sample).validate(message)
    described = DOCUMENT["components"]["schemas"]["Envelope"]
    full = on_the_bus(sample, FULL)
    assert full.keys() - described["properties"].keys() == {"data"}
    assert message.keys() - {"data"} == set(described["required"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("subject", "nothing"), ("type", "waybill.OrderCreated.v2"), ("source", "/another")],
)
def test_a_message_with_another_attribute_is_not_as_described(name: str, value: str) -> None:
    sample = next(s for s in CURRENT if s.type == "OrderReserved")
    message = on_the_bus(sample, FULL)

    assert not validator(sample).is_valid(message | {name: value})
    assert not validator(sample).is_valid({n: v for n, v in message.items() if n != name})
    assert not validator(sample).is_valid(message | {"data": {}})


def test_personal_data_in_clear_is_not_as_described() -> None:
    sample = next(s for s in CURRENT if (s.type, s.form) == ("OrderCreated", ""))
    message = on_the_bus(sample, FULL)
    clear = json.loads(sample.text)

    assert "name" in clear["shipping_address"]
    assert not validator(sample).is_valid(message | {"data": clear})
    assert "Address" not in DOCUMENT["components"]["schemas"]


def test_a_consumer_may_meet_fields_that_the_document_does_not_list() -> None:
    sample = next(s for s in CURRENT if s.type == "OrderRejected")
    message = on_the_bus(sample, FULL)
    message["data"] |= {"a_new_field": 1, "reason": "A_NEW_REASON"}

    validator(sample).validate(message | {"anewattribute": "x"})


def test_the_partitions_are_those_of_the_code() -> None:
    nats, kafka = DOCUMENT["channels"]["nats"], DOCUMENT["channels"]["kafka"]

    assert len(nats["parameters"]["partition"]["enum"]) == PARTITIONS
    assert kafka["bindings"]["kafka"]["partitions"] == PARTITIONS
