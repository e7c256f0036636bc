"""Add a note of staff to an order once, even if the request is repeated."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from api.context import Context
from api.direct_commands import execute
from api.idempotency import key_of
from api.notes.inputs import AddOrderNoteInput
from api.notes.types import AddOrderNotePayload
from api.orders.types import Order
from api.user_errors import UserError, bad_key, invalid_inputs, no_such_order
from domain.identifiers import is_idempotency_key
from domain.note.commands import AddOrderNote, NoteText


class _Text(BaseModel):
    text: NoteText


async def add_order_note(note: AddOrderNoteInput, context: Context) -> AddOrderNotePayload:
    if errors := list(_check(note)):
        return AddOrderNotePayload(user_errors=errors)
    order = await context.find_order(note.order_id)
    if order is None:
        return AddOrderNotePayload(user_errors=[no_such_order()])
    command = AddOrderNote(aggregate_id=order.id, customer_id=order.customer_id, text=note.text)
    key = key_of("addOrderNote", note, context)
    answer = await execute(command, key, context, AddOrderNotePayload)
    if not answer.user_errors:
        answer.order = Order.of(order)
    return answer


def _check(note: AddOrderNoteInput) -> Iterator[UserError]:
    if not is_idempotency_key(note.idempotency_key):
        yield bad_key()
    try:
        _Text(text=note.text)
    except ValidationError as error:
        yield from invalid_inputs(error)
