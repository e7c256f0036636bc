from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from domain.command import Command, Identifier

MAX_NOTES: Final = 500
"""The most notes of one order, which one answer may hold."""

NoteText = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=2_000, pattern=r"^[\P{Cc}\n]*$"
    ),
]
"""One or more lines of text, without other control characters."""


class NoteCommand(Command):
    """`aggregate_id` is the order's id."""


class AddOrderNote(NoteCommand):
    """Note something about the order for other members of staff.

    The text may tell something of the customer, so it is sealed with the customer's key.
    """

    customer_id: Identifier
    text: Annotated[NoteText, Field(repr=False)]
