from __future__ import annotations

from dataclasses import dataclass, replace

from domain.note import events as e


@dataclass(frozen=True, slots=True)
class NotesState:
    """The notes of one order."""

    count: int = 0


def evolve(state: NotesState, event: e.NoteEvent) -> NotesState:
    match event:
        case e.OrderNoteAdded():
            return replace(state, count=state.count + 1)
