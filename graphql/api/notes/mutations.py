from __future__ import annotations

import strawberry

from api.context import Info
from api.notes.adding import add_order_note
from api.notes.inputs import AddOrderNoteInput
from api.notes.types import AddOrderNotePayload


@strawberry.type
class NoteMutation:
    @strawberry.mutation(
        description="For operators: note something about an order in any state, for other staff."
    )
    async def add_order_note(self, info: Info, input: AddOrderNoteInput) -> AddOrderNotePayload:  # noqa: A002 - its name in the contract
        return await add_order_note(input, info.context)
