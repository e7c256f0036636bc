"""What workflows and activities exchange keeps its form, because Temporal's histories hold it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, create_model

from domain.order.commands import PlaceOrder
from tests.samples import exchanged_types as samples

NAMES = sorted(samples.exchanged_types())


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_of_an_exchanged_type_is_the_recorded_one(name: str) -> None:
    assert samples.recorded_digests().get(name) == samples.digests()[name], samples.ADVICE.format(
        name=name
    )


def test_every_recorded_type_is_still_exchanged() -> None:
    assert samples.recorded_digests().keys() == samples.exchanged_types().keys()


def test_the_exchanged_types_hold_commands_inputs_results_signals_and_enums() -> None:
    assert {
        "PlaceOrder",
        "ReceiveStock",
        "PlaceInput",
        "OrderWorkflowInput",
        "OrderProgress",
        "InterventionSignal",
        "ShipmentNotification",
        "TrackedStatus",
        "RecheckResult",
    } <= set(NAMES)


def test_a_new_field_of_a_command_asks_for_another_stored_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "exchanged_types.json"
    assert samples.record_digests(file) == []
    before = file.read_text()
    gift = create_model("PlaceOrder", __base__=PlaceOrder, gift=(bool, Field(default=False)))
    changed = samples.exchanged_types() | {"PlaceOrder": gift}
    monkeypatch.setattr(samples, "exchanged_types", lambda: changed)

    advice = samples.record_digests(file)

    assert advice == [samples.ADVICE.format(name="PlaceOrder")]
    assert "Raise STORED_FORMAT in stored_format.py" in advice[0]
    assert file.read_text() == before
