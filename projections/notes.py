from __future__ import annotations

from collections.abc import Sequence

from domain.note.events import NoteEvent
from domain.privacy import Sealed
from eventstore.envelope import StoredEvent
from projections.change import Change

ADDED = """
    INSERT INTO readmodel.order_note
        (order_id, number, customer_id, text, actor, added_at, position)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


def project(event: NoteEvent, stored: StoredEvent) -> Sequence[Change]:
    if not isinstance(event.text, Sealed):
        raise TypeError("a note is stored sealed: give the store a vault")
    row = (
        event.order_id,
        stored.version,
        event.customer_id,
        event.text.model_dump_json(),
        stored.metadata.actor,
        stored.recorded_at,
        stored.position,
    )
    return [Change(ADDED, row)]
