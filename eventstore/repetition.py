"""Distinguish a repeated append from one that reuses its event ids for another content.

The comparison covers what the event says: its stream, type and data. The metadata may differ,
because a retry has its own trace. An encrypted field differs at each encryption. So it is compared
in clear while its key decrypts it, and left out where the key is erased or not given to this
process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.event import Event
from domain.privacy import fields_in_clear, personal_fields
from eventstore.envelope import AppendResult, NewEvent, StoredEvent, StreamAppend
from eventstore.privacy.errors import PrivacyError
from eventstore.privacy.vault import Vault


async def is_repeated(
    appends: Sequence[StreamAppend], stored: Mapping[UUID, StoredEvent], vault: Vault | None
) -> bool:
    """Return whether `stored`, by event id, holds all of these events with the same content."""
    for append in appends:
        for new in append.events:
            old = stored.get(new.event_id)
            if old is None or old.stream_id != append.stream_id:
                return False
            if not await _is_same(new, old, vault):
                return False
    return True


def first_result(
    appends: Sequence[StreamAppend], stored: Mapping[UUID, StoredEvent]
) -> AppendResult:
    """Return the result that these events had when they were appended."""
    events = [stored[new.event_id] for append in appends for new in append.events]
    return AppendResult(
        tuple(event.position for event in events),
        tuple(event.version for event in events),
        max(event.recorded_at for event in events),
        duplicate=True,
    )


async def _is_same(new: NewEvent, old: StoredEvent, vault: Vault | None) -> bool:
    if old.type != new.type or old.schema_version > new.event.schema_version:
        return False
    personal = personal_fields(type(new.event))
    if _facts(new.data_json, personal) != _facts(_as_of_today(old, new), personal):
        return False
    return not personal or await _is_same_person(new.event, old.decode(), vault)


def _as_of_today(old: StoredEvent, new: NewEvent) -> str:
    """Return the stored data in the schema version of the new event."""
    if old.schema_version == new.event.schema_version:
        return old.data_json
    return old.decode().model_dump_json()


def _facts(data_json: str, personal: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields in clear, with exact numbers: PostgreSQL writes 1e23 in another way."""
    data = json.loads(data_json, parse_float=Decimal, parse_int=Decimal)
    return {name: value for name, value in data.items() if name not in personal}


async def _is_same_person(new: Event, old: Event, vault: Vault | None) -> bool:
    if _absent(new) != _absent(old):
        return False
    try:
        one, other = await _opened(new, vault), await _opened(old, vault)
    except PrivacyError:
        return True
    in_clear = fields_in_clear(one).keys() & fields_in_clear(other).keys()
    return all(getattr(one, name) == getattr(other, name) for name in in_clear)


def _absent(event: Event) -> set[str]:
    """Return the personal fields without a value, which are stored in clear."""
    return {name for name in personal_fields(type(event)) if getattr(event, name) is None}


async def _opened(event: Event, vault: Vault | None) -> Event:
    return event if vault is None else await vault.open(event)
