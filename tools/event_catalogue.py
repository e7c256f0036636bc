"""Fill or compare the blocks of docs/EVENTS.md: `python -m tools.event_catalogue [--check]`.

The texts about events are the docstrings in domain/*/events.py; the examples are the recorded
samples. The rest of docs/EVENTS.md is edited there.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from domain.event import OLDEST_SCHEMA_VERSION, Event
from domain.privacy import personal_fields
from domain.registry import AGGREGATES, EVENT_TYPES
from kit.command import run_command
from tests.samples.files import Sample, samples
from tools.described_schema import Schema, schema_of
from tools.envelope_example import envelope_example
from tools.generated_blocks import write_or_check

FILE: Final = Path(__file__).parent.parent / "docs" / "EVENTS.md"

RECURRING: Final = {
    "order_id": "The order that the event is about.",
    "customer_id": "The customer that the event is about.",
    "sku": "The product, by its stock-keeping unit.",
    "reason": "The reason.",
}
"""The meanings of fields that many events share and do not describe themselves."""


def blocks() -> dict[str, str]:
    recorded = samples()
    return {"envelope-example": envelope_example(recorded), "events": catalogue(recorded)}


def catalogue(recorded: Sequence[Sample]) -> str:
    """Return a section for each event, by stream, and for each type that events share."""
    shared: dict[str, Schema] = {}
    parts = []
    for aggregate in AGGREGATES.values():
        package = aggregate.decide.__module__.removesuffix(".decide")
        parts.append(f"## Streams `{aggregate.category}-<id>`")
        for event_type in events_of(package):
            schema = schema_of(event_type)
            shared |= schema.get("$defs", {})
            parts += _event(event_type, schema, recorded)
    parts.append("## Types that events share")
    for name in sorted(shared):
        parts += _shared_type(name, shared[name])
    return "\n\n".join(parts)


def events_of(package: str) -> list[type[Event]]:
    return [event for event in EVENT_TYPES.values() if event.__module__ == f"{package}.events"]


def _event(event_type: type[Event], schema: Schema, recorded: Iterable[Sample]) -> Iterator[str]:
    name, current = event_type.__name__, event_type.schema_version
    yield f"### {name}"
    yield one_line(inspect.getdoc(event_type) or "")
    yield _fields(schema, personal_fields(event_type))
    yield f"Schema version {current}." + "".join(_steps(event_type))
    for sample in recorded:
        if (sample.type, sample.schema_version) == (name, current):
            yield f"For example{f', {sample.form}' if sample.form else ''}:"
            yield f"```json\n{_compact(json.loads(sample.text))}\n```"


def _steps(event_type: type[Event]) -> Iterator[str]:
    for version in range(OLDEST_SCHEMA_VERSION, event_type.schema_version):
        step = inspect.getdoc(event_type.upcasters[version]) or ""
        yield f" From {version} to {version + 1}: {one_line(step)}"


def _shared_type(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name}"
    if "description" in schema:
        yield one_line(schema["description"])
    if "enum" in schema:
        yield "One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + "."
    else:
        yield _fields(schema)


def _fields(schema: Schema, personal: Collection[str] | None = None) -> str:
    """Return a table of the fields, which marks the personal ones.

    `personal` is None for a shared type, whose fields are personal in some events only.
    """
    rows = [["Field", "Type", "Meaning"], ["---"] * 3]
    for name, field in schema["properties"].items():
        meaning = one_line(field.get("description") or RECURRING.get(name, ""))
        rows.append([f"`{name}`", _type(field), meaning])
    if personal is not None:
        marks = ["yes" if name in personal else "no" for name in schema["properties"]]
        for row, mark in zip(rows, ["Personal", "---", *marks], strict=True):
            row.append(mark)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _type(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format", schema["type"]))


def _compact(data: dict[str, Any]) -> str:
    """Return JSON with one line for each field."""
    return (
        "{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in data.items()) + "\n}"
    )


def one_line(text: str) -> str:
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int | str:
    return write_or_check(FILE, blocks(), "tools.event_catalogue", arguments)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
