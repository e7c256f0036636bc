from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.event import Event
from domain.privacy import Personal, Sealed


class OrderNoteAdded(Event):
    """A member of staff has noted something about the order. Customers never see it."""

    order_id: str
    customer_id: str
    text: Annotated[str | Sealed, Personal(subject="customer_id"), Field(repr=False)]
    """Encrypted with the customer's key, because it may tell something of the customer."""


NoteEvent = OrderNoteAdded
