"""The notes of staff about orders, opened for those who may read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.note.events import OrderNoteAdded
from domain.privacy import Sealed
from eventstore.privacy.vault import Vault
from projections.tables import order_note
from queries.personal_data import Unreadable, readable


@dataclass(frozen=True, slots=True)
class NoteView:
    number: int
    """Counts the notes of the order, from 1."""
    text: str | Unreadable | None
    """None once its customer has been erased."""
    actor: str | None
    at: datetime


_NOTES: Final[Select[Any]] = select(order_note).order_by(order_note.c.order_id, order_note.c.number)


class NoteQueries:
    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._vault = vault

    async def of_orders(self, order_ids: Sequence[str]) -> Mapping[str, Sequence[NoteView]]:
        """Return the notes of these orders, oldest first, in one query and one for the keys."""
        statement = _NOTES.where(order_note.c.order_id.in_(order_ids))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        notes: defaultdict[str, list[NoteView]] = defaultdict(list)
        for row, text in zip(rows, await self._texts(rows), strict=True):
            notes[row.order_id].append(NoteView(row.number, text, row.actor, row.added_at))
        return notes

    async def _texts(self, rows: Sequence[Row[Any]]) -> list[str | Unreadable | None]:
        opened = await self._vault.open_each([(_event(row), "text") for row in rows])
        return [text if isinstance(text, str | None) else Unreadable() for text in readable(opened)]


def _event(row: Row[Any]) -> OrderNoteAdded:
    """Return the event of the note: its seal opens only as the field of that event."""
    return OrderNoteAdded(
        order_id=row.order_id,
        customer_id=row.customer_id,
        text=Sealed.model_validate(row.text),
    )
