"""Mark the personal data in events, and describe its encrypted form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.event import Event


class Sealed(BaseModel):
    """Personal data that only the key of its subject decrypts. Without the key it is unreadable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    subject: str
    """The person whose data it is."""
    key_id: UUID
    """The id of the subject's key that decrypts it."""
    ciphertext: str
    """Base64 of AES-256-GCM's nonce, ciphertext and tag."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Mark an event's field: `Annotated[Address | Sealed, Personal(subject="customer_id")]`.

    `subject` is the field of the same event that names whose data it is. An optional field is
    `Annotated[Contact | Sealed | None, ...]`; None is stored in clear.
    """

    subject: str


@cache
def personal_fields(event_type: type[Event]) -> Mapping[str, Personal]:
    """Return the fields of this type that hold personal data; none for most types."""
    return {
        name: mark
        for name, field in event_type.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Personal)
    }


def fields_in_clear(event: Event) -> Mapping[str, Personal]:
    """Return the fields of this event that have a value and still have to be encrypted."""
    marked = personal_fields(type(event))
    return marked and {
        name: mark
        for name, mark in marked.items()
        if not isinstance(getattr(event, name), Sealed | None)
    }
