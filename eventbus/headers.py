"""The CloudEvent's attributes that each message repeats as headers.

A consumer can choose messages by them, without decoding the body. Each broker puts its own prefix
before the names: `ce-type` on NATS, `ce_type` on Kafka.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from eventstore.cloudevents import attributes_of
from eventstore.envelope import StoredEvent

MAX_VALUE: Final = 128
"""A longer value of the metadata, or one that is not printable ASCII, is not repeated."""

_ALWAYS: Final = ("type", "id", "subject")
_OPTIONAL: Final = ("correlationid", "actor", "traceparent")
_VALUE: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_VALUE}}}")
_TYPE: Final = re.compile(r"waybill\.([A-Za-z0-9]+)\.v[0-9]+")


def headers_of(event: StoredEvent) -> dict[str, str]:
    """Return `type`, `id` and `subject`, and `correlationid`, `actor` and `traceparent` where the
    event has them."""
    return repeated(attributes_of(event))


def repeated(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return those of the CloudEvent's attributes that are headers."""
    always = {name: attributes[name] for name in _ALWAYS}
    for name in _OPTIONAL:
        if (value := attributes.get(name)) and _VALUE.fullmatch(value):
            always[name] = value
    return always


def type_in(headers: Mapping[str, str]) -> str | None:
    """Return the event type that the header `type` names."""
    match = _TYPE.fullmatch(headers.get("type", ""))
    return match and match[1]
