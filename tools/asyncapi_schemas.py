"""The JSON Schemas of the events' data as it is on the bus, open to additions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.event import Event
from domain.privacy import Sealed, personal_fields
from tools.described_schema import Schema, schema_of
from tools.event_catalogue import RECURRING, one_line

_LEFT_OUT: Final = {"title", "additionalProperties", "$defs"}
"""A consumer accepts fields that it does not know."""
_NOT_ECMA: Final = re.compile(r"\\[pP]\{|\\x\{")
"""Patterns of classes of Unicode, which the validators of most languages do not take."""
_PERSONAL: Final = "Personal data of the person that `subject` names; only Waybill can decrypt it."


def ref(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


def data_schema(event: type[Event]) -> Schema:
    """Return the schema of an event's data on the bus, where personal data is always sealed."""
    schema: Schema = _published(_schema(event))
    for name in personal_fields(event):
        schema["properties"][name] = _sealed(schema["properties"][name])
    for name, field in schema["properties"].items():
        field.setdefault("description", RECURRING.get(name, ""))
    return schema


def with_used(schemas: Mapping[str, Schema], events: Iterable[type[Event]]) -> dict[str, Schema]:
    """Return these schemas, and the types that they share, by name."""
    shared: dict[str, Schema] = {"Sealed": _published(_schema(Sealed))}
    for event in events:
        shared |= {name: _published(each) for name, each in _schema(event).get("$defs", {}).items()}
    used = dict(schemas)
    waiting = list(schemas.values())
    while waiting:
        for name in _references(waiting.pop()) - used.keys():
            used[name] = shared[name]
            waiting.append(shared[name])
    first = list(schemas)
    return {name: used[name] for name in (*first, *sorted(used.keys() - set(first)))}


def _schema(kind: type[Event] | type[Sealed]) -> Schema:
    return schema_of(kind, "#/components/schemas/{model}")


def _published(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON Schema
    if isinstance(part, list):
        return [_published(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {name: value for name, value in part.items() if name not in _LEFT_OUT}
    if "properties" in kept:
        fields = {name: _published(each) for name, each in kept.pop("properties").items()}
        return _published(kept) | {"properties": fields}
    return {name: _keyword(name, value) for name, value in _simple(kept).items()}


def _simple(schema: Schema) -> Schema:
    """Return a schema that other validators read as ours do."""
    if _NOT_ECMA.search(str(schema.get("pattern", ""))):
        schema = {name: value for name, value in schema.items() if name != "pattern"}
    if "enum" in schema:
        schema = {"x-extensible-enum" if n == "enum" else n: v for n, v in schema.items()}
    if "$ref" in schema and len(schema) > 1:  # most readers ignore what stands beside a reference
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {"allOf": [{"$ref": schema["$ref"]}], **beside}
    return schema


def _keyword(name: str, value: Any) -> Any:  # noqa: ANN401 - any value of a JSON Schema
    if name == "description":
        return one_line(value)
    return value if name in {"required", "default", "x-extensible-enum"} else _published(value)


def _sealed(schema: Schema) -> Schema:
    may_be_null = {"type": "null"} in schema.get("anyOf", [])
    forms = [ref("schemas", "Sealed"), *([{"type": "null"}] if may_be_null else [])]
    description = f"{schema.get('description', '')} {_PERSONAL}".strip()
    return {"anyOf" if may_be_null else "allOf": forms, "description": description}


def _references(part: Any) -> set[str]:  # noqa: ANN401 - any part of a JSON Schema
    if isinstance(part, list):
        return {name for each in part for name in _references(each)}
    if not isinstance(part, dict):
        return set()
    found = {name for each in part.values() for name in _references(each)}
    if isinstance(target := part.get("$ref"), str):
        found.add(target.rpartition("/")[2])
    return found
