"""Write or compare docs/asyncapi.yaml: `python -m tools.asyncapi [--check | --accept-breaking]`.

The document describes the messages of the event bus for other teams. It is made from the events'
classes. The tool refuses to write a document that breaks a consumer of the recorded one, unless the
change is accepted.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import yaml

from domain.event import Event
from domain.registry import AGGREGATES
from eventbus.nats.names import STREAM as NATS_STREAM
from eventbus.nats.names import SUBJECTS
from eventbus.routing import CATEGORIES, PARTITIONS
from eventstore.cloudevents import CONTENT_TYPE
from kit.command import run_command
from tools.asyncapi_changes import breaking_changes
from tools.asyncapi_envelope import ENVELOPE, HEADERS, STREAM
from tools.asyncapi_schemas import data_schema, ref, with_used
from tools.described_schema import Schema
from tools.event_catalogue import events_of, one_line

FILE: Final = Path(__file__).parent.parent / "docs" / "asyncapi.yaml"
COMMENT: Final = "# Generated from the events by `python -m tools.asyncapi`. Do not edit.\n"
BREAKS: Final = (
    "it breaks consumers of {file}: {changes}. Give the event a new schema version with an "
    "upcaster, or run `python -m tools.asyncapi --accept-breaking` and name the change in "
    "CHANGELOG.md"
)
DESCRIPTION: Final = (
    "Waybill publishes each event of its log as a CloudEvent 1.0 in structured JSON, to NATS "
    "JetStream or to Kafka. docs/EVENT-BUS.md explains the guarantees, and what a consumer must "
    "do. Accept fields, headers and event types that this document does not list: a later build "
    "may add some. `x-extensible-enum` lists the values known now: accept others as well."
)


def document() -> Schema:
    """Return the AsyncAPI document of this build."""
    messages = {f"{event.__name__}.v{event.schema_version}": event for event in _events()}
    schemas: dict[str, Schema] = {"Envelope": ENVELOPE, "Headers": HEADERS, "Stream": STREAM}
    for name, event in messages.items():
        schemas |= {name: data_schema(event)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "The event bus of Waybill",
            "version": version("waybill"),
            "description": DESCRIPTION,
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": dict(_servers()),
        "channels": dict(_channels(list(messages))),
        "operations": {
            "publishToNats": _publishes("nats", "Waybill publishes each event to its subject."),
            "publishToKafka": _publishes("kafka", "Waybill publishes each event to the topic."),
        },
        "components": {
            "messages": {name: _message(name, event) for name, event in messages.items()},
            "schemas": with_used(schemas, list(messages.values())),
        },
    }


def _events() -> Iterator[type[Event]]:
    for aggregate in AGGREGATES.values():
        yield from events_of(aggregate.decide.__module__.removesuffix(".decide"))


def _servers() -> Iterator[tuple[str, Schema]]:
    for protocol, port in (("nats", 4222), ("kafka", 9092)):
        host = {"description": "Ask the operator of your Waybill.", "default": "localhost"}
        yield (
            protocol,
            {"host": f"{{host}}:{port}", "protocol": protocol, "variables": {"host": host}},
        )


def _channels(messages: Sequence[str]) -> Iterator[tuple[str, Schema]]:
    shared = {name: ref("messages", name) for name in messages}
    yield (
        "nats",
        {
            "address": f"{SUBJECTS}.{{partition}}.{{category}}.{{type}}",
            "description": f"The JetStream stream {NATS_STREAM} keeps these subjects. One "
            "partition holds all events of a stream, in their order.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {
                "partition": {
                    "description": f"CRC-32 of the stream's name, modulo {PARTITIONS}.",
                    "enum": [str(number) for number in range(PARTITIONS)],
                },
                "category": {
                    "description": "The part of the stream's name before the first dash.",
                    "enum": sorted(CATEGORIES),
                },
                "type": {"description": "The type of the event, without its version."},
            },
            "messages": shared,
        },
    )
    bindings = {"topic": SUBJECTS, "partitions": PARTITIONS, "bindingVersion": "0.5.0"}
    yield (
        "kafka",
        {
            "address": SUBJECTS,
            "description": "One topic. The key of a record is the stream's name, and its partition "
            "is the CRC-32 of that, modulo the number of partitions.",
            "servers": [{"$ref": "#/servers/kafka"}],
            "messages": shared,
            "bindings": {"kafka": bindings},
        },
    )


def _publishes(channel: str, summary: str) -> Schema:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
    }


def _message(name: str, event: type[Event]) -> Schema:
    wire_type = f"waybill.{name}"
    of_event = {
        "type": "object",
        "required": ["data"],
        "properties": {"type": {"const": wire_type}, "data": ref("schemas", name)},
    }
    return {
        "name": wire_type,
        "title": event.__name__,
        "description": one_line(inspect.getdoc(event) or ""),
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "headers": ref("schemas", "Headers"),
        "payload": {"allOf": [ref("schemas", "Envelope"), of_event]},
        "bindings": {"kafka": {"key": STREAM, "bindingVersion": "0.5.0"}},
    }


def text_of(described: Schema) -> str:
    # A value that occurs twice would become an anchor, which readers of AsyncAPI may not know.
    plain = json.loads(json.dumps(described))
    text: str = yaml.dump(
        plain, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100
    )
    return COMMENT + text


def main(arguments: Sequence[str]) -> int | str:
    wanted = document()
    recorded = FILE.read_text() if FILE.exists() else ""
    if recorded == text_of(wanted):
        return 0
    changes = breaking_changes(yaml.load(recorded, yaml.CSafeLoader), wanted) if recorded else []
    if changes and list(arguments) != ["--accept-breaking"]:
        return BREAKS.format(file=FILE.name, changes="; ".join(changes))
    if list(arguments) == ["--check"]:
        return f"{FILE.name} is out of date: run `python -m tools.asyncapi`"
    FILE.write_text(text_of(wanted))
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
