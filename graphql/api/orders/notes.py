"""The notes of staff, as GraphQL shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry
from strawberry.dataloader import DataLoader

from api.errors import personal_data_unreadable
from queries.notes import NoteQueries, NoteView
from queries.personal_data import Unreadable

NotesLoader = DataLoader[str, Sequence[NoteView]]


@strawberry.type(description="A note of staff about an order. Customers never see it.")
class OrderNote:
    number: int = strawberry.field(description="Counts the notes of the order, from 1.")
    opened: strawberry.Private[str | Unreadable | None]
    actor: str | None
    at: datetime

    @strawberry.field(description="Null once the customer is erased.")
    def text(self) -> str | None:
        if isinstance(self.opened, Unreadable):
            raise personal_data_unreadable()
        return self.opened

    @classmethod
    def of(cls, note: NoteView) -> Self:
        return cls(number=note.number, opened=note.text, actor=note.actor, at=note.at)


def notes_loader(notes: NoteQueries) -> NotesLoader:
    """Return a loader that reads the notes of all orders of one step of an operation at once.

    It keeps nothing: the next step, or the next operation of a socket, reads again.
    """

    async def load(order_ids: list[str]) -> list[Sequence[NoteView]]:
        found = await notes.of_orders(order_ids)
        return [found.get(order_id, ()) for order_id in order_ids]

    return DataLoader(load_fn=load, cache=False)
