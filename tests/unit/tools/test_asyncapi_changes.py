"""A change of the AsyncAPI document that breaks a consumer is named, and is not written."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import asyncapi
from tools.asyncapi_changes import breaking_changes

DOCUMENT = asyncapi.document()

Json = dict[str, Any]
Change = Callable[[Json], object]


def _data(document: Json, name: str = "OrderRejected.v1") -> Json:
    schema: Json = document["components"]["schemas"][name]
    return schema


def _field(document: Json, name: str, field: str) -> Json:
    schema: Json = _data(document, name)["properties"][field]
    return schema


BREAKING: dict[str, tuple[Change, str]] = {
    "a removed event": (
        lambda d: d["components"]["messages"].pop("OrderRejected.v1"),
        "OrderRejected.v1 is removed",
    ),
    "a new version of an event": (
        lambda d: d["components"]["messages"].update(
            {"OrderRejected.v2": d["components"]["messages"].pop("OrderRejected.v1")}
        ),
        "OrderRejected.v1 is removed",
    ),
    "a removed field": (
        lambda d: _data(d)["properties"].pop("sku"),
        "OrderRejected.v1: payload.data.sku is removed",
    ),
    "a field of another type": (
        lambda d: _data(d)["properties"].update(order_id={"type": "integer"}),
        "OrderRejected.v1: payload.data.order_id is integer, and was string",
    ),
    "a field that may now be null": (
        lambda d: _data(d)["properties"].update(
            order_id={"anyOf": [{"type": "string"}, {"type": "null"}]}
        ),
        "OrderRejected.v1: payload.data.order_id is null or string, and was string",
    ),
    "a field that is now required": (
        lambda d: _data(d, "OrderCreated.v1")["required"].append("backorder"),
        "OrderCreated.v1: payload.data.backorder is now required",
    ),
    "a new field that is required": (
        lambda d: (
            _data(d)["required"].append("new"),
            _data(d)["properties"].update(new={"type": "string"}),
        ),
        "OrderRejected.v1: payload.data.new is new and required: older events of this version lack it",  # noqa: E501
    ),
    "a field that may now be missing": (
        lambda d: _data(d)["required"].remove("order_id"),
        "OrderRejected.v1: payload.data.order_id may now be missing",
    ),
    "a removed field of a shared type": (
        lambda d: _data(d, "OrderLine")["properties"].pop("sku"),
        "OrderCreated.v1: payload.data.lines[].sku is removed",
    ),
    "a list of another type": (
        lambda d: _field(d, "OrderCreated.v1", "lines").update(items={"type": "string"}),
        "OrderCreated.v1: payload.data.lines[] is string, and was object",
    ),
    "a removed attribute": (
        lambda d: _data(d, "Envelope")["properties"].pop("actor"),
        "OrderReserved.v1: payload.actor is removed",
    ),
    "a removed header": (
        lambda d: _data(d, "Headers")["patternProperties"].pop("^ce[-_]type$"),
        "OrderReserved.v1: headers.^ce[-_]type$ is removed",
    ),
    "another subject": (
        lambda d: d["channels"]["nats"].update(address="events.{type}"),
        "channel nats is at events.{type}, not at waybill.events.{partition}.{category}.{type}",
    ),
    "a removed broker": (
        lambda d: d["channels"].pop("kafka"),
        "channel kafka is removed",
    ),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda _: None,
    "a new event": lambda d: d["components"]["messages"].update(
        {"OrderSplit.v1": d["components"]["messages"]["OrderRejected.v1"]}
    ),
    "a new optional field": lambda d: _data(d)["properties"].update(new={"type": "string"}),
    "a field that is never null any more": lambda d: _data(d)["properties"].update(
        sku={"type": "string"}
    ),
    "a new value": lambda d: d["components"]["schemas"]["RejectionReason"][
        "x-extensible-enum"
    ].append("NEW"),
    "another description": lambda d: _data(d).update(description="Another one."),
    "another limit": lambda d: _field(d, "OrderRejected.v1", "order_id").update(maxLength=9),
    "a new optional attribute": lambda d: _data(d, "Envelope")["properties"].update(
        new={"type": "string"}
    ),
}


def changed(change: Change) -> Json:
    document = deepcopy(DOCUMENT)
    change(document)
    return document


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_a_consumer_is_named(name: str) -> None:
    change, line = BREAKING[name]

    assert line in breaking_changes(DOCUMENT, changed(change))


@pytest.mark.parametrize("name", HARMLESS)
def test_an_addition_breaks_nothing(name: str) -> None:
    assert breaking_changes(DOCUMENT, changed(HARMLESS[name])) == []


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the document, of which a test records another one."""
    file = tmp_path / "asyncapi.yaml"
    monkeypatch.setattr(asyncapi, "FILE", file)
    return file


def test_a_document_that_breaks_consumers_is_written_only_when_that_is_accepted(
    recorded: Path,
) -> None:
    before = changed(lambda d: _data(d)["properties"].update(old={"type": "string"}))
    recorded.write_text(asyncapi.text_of(before))

    for arguments in ([], ["--check"]):
        says = asyncapi.main(arguments)
        assert str(says).startswith(
            "it breaks consumers of asyncapi.yaml: OrderRejected.v1: payload.data.old is removed."
        )
    assert recorded.read_text() == asyncapi.text_of(before)
    assert asyncapi.main(["--accept-breaking"]) == 0
    assert yaml.load(recorded.read_text(), yaml.CSafeLoader) == DOCUMENT
    assert asyncapi.main(["--check"]) == 0


def test_a_document_with_an_addition_is_out_of_date_until_it_is_written(recorded: Path) -> None:
    recorded.write_text(asyncapi.text_of(changed(lambda d: _data(d).pop("description"))))

    assert asyncapi.main(["--check"]) == (
        "asyncapi.yaml is out of date: run `python -m tools.asyncapi`"
    )
    assert asyncapi.main([]) == 0
    assert asyncapi.main(["--check"]) == 0
