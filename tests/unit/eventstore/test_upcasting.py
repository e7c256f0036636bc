from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

import pytest
from pydantic import ValidationError

from domain.event import Event, Upcaster
from domain.order.events import OrderReserved
from eventstore.envelope import StoredEvent
from eventstore.errors import MissingUpcaster, UnknownEventType, UnknownSchemaVersion
from eventstore.upcasting import decode

EVENT_ID: Final = UUID("c6f57b43-98d1-5f34-9c67-0dd4cbf0ba6c")


class Weighed(Event):
    """The first version had `pounds`, the second `grams`; the third adds the scales."""

    schema_version: ClassVar[int] = 3

    grams: int
    scales: tuple[str, ...]


def in_grams(data: dict[str, Any]) -> dict[str, Any]:
    return {"grams": round(data["pounds"] * 453.59237)}


def with_scales(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "scales": ["unknown"]}


STEPS: Final[Mapping[int, Upcaster]] = {1: in_grams, 2: with_scales}


def read(event: StoredEvent, steps: Mapping[int, Upcaster] = STEPS) -> Event:
    return decode(event, {"Weighed": type("Weighed", (Weighed,), {"upcasters": steps})})


def stored(version: int, data: object, type_name: str = "Weighed") -> StoredEvent:
    return StoredEvent(
        position=7,
        stream_id="parcel-1",
        version=1,
        event_id=EVENT_ID,
        type=type_name,
        schema_version=version,
        data_json=json.dumps(data),
        metadata_json='{"correlation_id": "parcel-1"}',
        recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("version", "data", "expected"),
    [
        (1, {"pounds": 2}, Weighed(grams=907, scales=("unknown",))),
        (2, {"grams": 907}, Weighed(grams=907, scales=("unknown",))),
        (3, {"grams": 907, "scales": ["left"]}, Weighed(grams=907, scales=("left",))),
    ],
)
def test_an_event_of_any_version_is_read_with_the_fields_of_today(
    version: int, data: object, expected: Weighed
) -> None:
    assert read(stored(version, data)).model_dump() == expected.model_dump()


def test_an_event_of_the_current_version_needs_no_step() -> None:
    current = stored(3, {"grams": 907, "scales": []})
    assert decode(current, {"Weighed": Weighed}) == Weighed(grams=907, scales=())


def test_upcast_data_is_validated_like_stored_data() -> None:
    wrong: dict[int, Upcaster] = {2: lambda data: {**data, "scale": "x"}}
    with pytest.raises(ValidationError, match="scales"):
        read(stored(2, {"grams": 907}), wrong)


def test_the_stored_event_stays_unchanged() -> None:
    old = stored(1, {"pounds": 2})
    read(old)
    assert old == stored(1, {"pounds": 2})


def test_an_unknown_type_is_an_error_with_its_event_and_advice() -> None:
    with pytest.raises(UnknownEventType) as caught:
        stored(1, {"note": "Hidden"}, "OrderForgotten").decode()
    error = caught.value
    assert (error.event_id, error.type, error.schema_version) == (EVENT_ID, "OrderForgotten", 1)
    assert str(error) == (
        f"event {EVENT_ID} is of type OrderForgotten, schema version 1: deploy a version that "
        "knows it"
    )


@pytest.mark.parametrize("version", [4, 5, 32_767, 0, -1])
def test_a_version_that_this_code_does_not_know_is_an_error(version: int) -> None:
    with pytest.raises(UnknownSchemaVersion) as caught:
        read(stored(version, {"grams": 907, "scales": []}))
    assert caught.value.schema_version == version
    assert str(caught.value).endswith("this code knows 1 to 3: deploy a version that knows it")


def test_a_missing_step_is_an_error_that_names_it() -> None:
    with pytest.raises(MissingUpcaster) as caught:
        read(stored(1, {"pounds": 2}), {1: in_grams})
    assert str(caught.value).endswith("add the step from version 2 to Weighed.upcasters")


def test_every_error_of_reading_an_event_has_a_common_type() -> None:
    assert issubclass(UnknownSchemaVersion, UnknownEventType)
    assert issubclass(MissingUpcaster, UnknownEventType)


def test_a_real_event_is_decoded_from_the_log() -> None:
    reserved = stored(1, {"order_id": "o-1"}, "OrderReserved")
    assert reserved.decode() == OrderReserved(order_id="o-1")
    with pytest.raises(UnknownSchemaVersion):
        stored(2, {"order_id": "o-1"}, "OrderReserved").decode()
