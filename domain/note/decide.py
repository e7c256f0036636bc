from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.note import commands as c
from domain.note import events as e
from domain.note.state import NotesState, evolve


def decide(command: c.NoteCommand, state: NotesState) -> Sequence[e.NoteEvent]:
    match command:
        case c.AddOrderNote():
            return _add(command, state)
        case _:
            raise TypeError(f"note does not support {command.command_type}")


def _add(command: c.AddOrderNote, state: NotesState) -> Sequence[e.NoteEvent]:
    """Add a note in any state of the order."""
    if state.count >= c.MAX_NOTES:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} has {c.MAX_NOTES} notes, and no more are possible",
        )
    return [
        e.OrderNoteAdded(
            order_id=command.aggregate_id, customer_id=command.customer_id, text=command.text
        )
    ]


NOTE: Aggregate[NotesState] = Aggregate("note", NotesState(), decide, evolve)
"""The notes have streams of their own, so that they never conflict with the order's saga and no
subscription of a customer shows them."""
