"""Find the changes of the AsyncAPI document that break a consumer of the recorded one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Field:
    types: frozenset[str]
    is_required: bool


def breaking_changes(recorded: Schema, wanted: Schema) -> list[str]:
    """Return a line for each change that a consumer of the recorded document may not survive.

    A new event, a new optional field and a new value of `x-extensible-enum` break nothing.
    """
    return [
        *_of_addresses(recorded, wanted),
        *(line for name in _messages(recorded) for line in _of_message(name, recorded, wanted)),
    ]


def _of_addresses(recorded: Schema, wanted: Schema) -> Iterator[str]:
    for name, channel in recorded["channels"].items():
        now = wanted["channels"].get(name)
        if now is None:
            yield f"channel {name} is removed"
        elif now["address"] != channel["address"]:
            yield f"channel {name} is at {now['address']}, not at {channel['address']}"


def _messages(document: Schema) -> Mapping[str, Schema]:
    messages: Mapping[str, Schema] = document["components"]["messages"]
    return messages


def _of_message(name: str, recorded: Schema, wanted: Schema) -> Iterator[str]:
    if name not in _messages(wanted):
        yield f"{name} is removed"
        return
    for part in ("headers", "payload"):
        before = dict(_fields(_messages(recorded)[name][part], recorded, part))
        after = dict(_fields(_messages(wanted)[name][part], wanted, part))
        for path in before.keys() | after.keys():
            if line := _of_field(before.get(path), after.get(path)):
                yield f"{name}: {path} {line}"


def _of_field(before: _Field | None, after: _Field | None) -> str | None:
    if after is None:
        return "is removed"
    if before is None:
        is_lacking = "is new and required: older events of this version lack it"
        return is_lacking if after.is_required else None
    if after.types - before.types:
        types = [" or ".join(sorted(field.types)) for field in (after, before)]
        return f"is {types[0]}, and was {types[1]}"
    if after.is_required is not before.is_required:
        return "is now required" if after.is_required else "may now be missing"
    return None


def _fields(schema: Schema, document: Schema, path: str) -> Iterator[tuple[str, _Field]]:
    """Yield the fields of an object, and those of the objects in it, by their paths."""
    forms = list(_forms(schema, document))
    required = {name for form in forms for name in form.get("required", [])}
    for form in forms:
        inner = {**form.get("properties", {}), **form.get("patternProperties", {})}
        for name, field in inner.items():
            here = f"{path}.{name}"
            types = frozenset(_type(each) for each in _forms(field, document))
            yield here, _Field(types, name in required)
            yield from _fields(field, document, here)
        if "items" in form:
            types = frozenset(_type(each) for each in _forms(form["items"], document))
            yield f"{path}[]", _Field(types, is_required=True)
            yield from _fields(form["items"], document, f"{path}[]")


def _forms(schema: Schema, document: Schema) -> Iterator[Schema]:
    """Yield the schema without references, and each of the parts that it joins."""
    if "$ref" in schema:
        target = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        yield from _forms(target, document)
        return
    joined = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, [])]
    for part in joined:
        yield from _forms(part, document)
    if not joined:
        yield schema


def _type(schema: Schema) -> str:
    if "const" in schema:
        return repr(schema["const"])
    return " ".join(filter(None, (schema.get("type"), schema.get("format"))))
