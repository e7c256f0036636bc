from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.note.events import NoteEvent
from domain.privacy import Sealed
from eventstore.envelope import StoredEvent
from projections.change import Change, insert
from projections.projection import Inline, events_of
from projections.tables import order_note


def apply(event: NoteEvent, stored: StoredEvent) -> Sequence[Change]:
    if not isinstance(event.text, Sealed):
        raise TypeError("a note is stored sealed: give the store a vault")
    return [
        insert(
            order_note,
            (event.order_id, stored.version),
            customer_id=event.customer_id,
            text=event.text.model_dump_json(),
            actor=stored.metadata.actor,
            added_at=stored.recorded_at,
            position=stored.position,
        )
    ]


NOTES: Final = Inline("notes", 1, [order_note], events_of(NoteEvent), apply)
