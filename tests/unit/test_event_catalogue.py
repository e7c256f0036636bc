"""docs/EVENTS.md describes every event for a consumer of the bus."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from domain.order import events as order_events
from domain.registry import EVENT_TYPES
from tests.samples.files import samples
from tools import event_catalogue
from tools.described_schema import descriptions
from tools.event_catalogue import catalogue, main


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """Return the text below each heading, by the heading."""
    parts = catalogue(samples()).split("\n### ")[1:]
    return {part.partition("\n")[0]: part.partition("\n## ")[0] for part in parts}


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_has_its_meaning_version_and_an_example(
    name: str, sections: dict[str, str]
) -> None:
    heading, _, meaning, *_ = sections[name].split("\n")
    assert heading == name
    assert meaning.endswith(".")
    assert f"Schema version {EVENT_TYPES[name].schema_version}." in sections[name]
    assert "```json\n{" in sections[name]


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_field_of_an_event_has_a_type_and_a_meaning(
    name: str, sections: dict[str, str]
) -> None:
    rows = [line.strip("| ").split(" | ") for line in sections[name].split("\n") if "| `" in line]
    assert [row[0] for row in rows] == [f"`{field}`" for field in EVENT_TYPES[name].model_fields]
    assert all(kind and meaning.endswith(".") for _, kind, meaning, _ in rows)


def test_a_field_is_described_by_type_meaning_and_privacy(
    sections: dict[str, str],
) -> None:
    lines = sections["OrderCreated"].split("\n")
    meanings = descriptions(order_events.OrderCreated)
    price, address = (" ".join(meanings[name].split()) for name in ("price", "shipping_address"))
    assert f"| `price` | [Price](#price) | {price} | no |" in lines
    assert (
        f"| `shipping_address` | [Address](#address) or [Sealed](#sealed) | {address} | yes |"
    ) in lines
    personal = [line for line in lines if line.endswith("| yes |")]
    assert [line.split("`")[1] for line in personal] == ["shipping_address", "contact"]


def test_each_form_of_an_event_has_an_example(sections: dict[str, str]) -> None:
    assert "For example:\n" in sections["OrderCreated"]
    assert "For example, sealed:\n" in sections["OrderCreated"]


def test_a_linked_type_is_described(sections: dict[str, str]) -> None:
    for name in ("Address", "Money", "OrderLine", "Sealed"):
        assert "| Field | Type | Meaning |\n" in sections[name]
    assert "One of `OUT_OF_STOCK`." in sections["RejectionReason"]


def test_the_upcast_from_an_older_version_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    class OrderReserved(order_events.OrderReserved):
        """A later version of the event."""

        schema_version: ClassVar[int] = 2

    def step(data: dict[str, Any]) -> dict[str, Any]:
        """Nothing
        was lost."""
        return data

    OrderReserved.__module__ = order_events.__name__
    monkeypatch.setitem(EVENT_TYPES, "OrderReserved", OrderReserved)
    monkeypatch.setattr(OrderReserved, "upcasters", {1: step})
    assert "Schema version 2. From 1 to 2: Nothing was lost.\n" in catalogue(samples())


def test_a_check_reports_an_old_catalogue_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "EVENTS.md"
    old = event_catalogue.FILE.read_text().replace("OrderCreated", "OrderCrated")
    file.write_text(old)
    monkeypatch.setattr(event_catalogue, "FILE", file)

    advice = "EVENTS.md is out of date: run `python -m tools.event_catalogue`"
    assert main(["--check"]) == advice
    assert file.read_text() == old
    assert main([]) == 0
    assert main(["--check"]) == 0
