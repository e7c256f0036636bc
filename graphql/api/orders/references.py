"""The shop's reference and metadata of an order: their inputs, their types and their checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Self

import strawberry
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from api.errors import bad_input
from api.user_errors import UserError, input_error, invalid_inputs
from domain.errors import ErrorCode
from domain.order.references import MAX_ENTRIES, MetadataKey, MetadataValue, Reference

REFERENCE_RULE: Final = "filter.reference: a reference is one line of 1 to 100 characters"
METADATA_RULE: Final = (
    "filter.metadata: a key is 1 to 40 letters, digits, dots, underscores and dashes, a value is"
    " one line of at most 500 characters"
)


@strawberry.input(description="Searchable, and not encrypted: do not write personal data here.")
class MetadataEntryInput:
    key: str = strawberry.field(description="1 to 40 letters, digits, dots, underscores, dashes.")
    value: str = strawberry.field(description="One line of at most 500 characters.")


@strawberry.type
class MetadataEntry:
    key: str
    value: str

    @classmethod
    def all_of(cls, metadata: Mapping[str, str]) -> list[Self]:
        """Return the entries in the order of their keys."""
        return [cls(key=key, value=value) for key, value in sorted(metadata.items())]


class _Entry(BaseModel):
    key: MetadataKey
    value: MetadataValue


class _References(BaseModel):
    reference: Reference | None
    metadata: Annotated[tuple[_Entry, ...], Field(max_length=MAX_ENTRIES)]


_entry: Final = TypeAdapter(_Entry)
_reference: Final = TypeAdapter(Reference)


def check_references(
    reference: str | None, metadata: Sequence[MetadataEntryInput] | None
) -> Iterator[UserError]:
    """Yield the errors of the input's reference and metadata."""
    entries = [strawberry.asdict(entry) for entry in metadata or ()]
    try:
        _References(reference=reference, metadata=entries)
    except ValidationError as error:
        yield from invalid_inputs(error)
    seen: set[str] = set()
    for index, entry in enumerate(metadata or ()):
        if entry.key in seen:
            message = "this key is in an earlier entry: give each key once"
            yield input_error(ErrorCode.INVALID_INPUT, message, "metadata", index, "key")
        seen.add(entry.key)


def metadata_of(metadata: Sequence[MetadataEntryInput] | None) -> dict[str, str]:
    return {entry.key: entry.value for entry in metadata or ()}


def wanted_reference(reference: str | None) -> str | None:
    """Return the reference of a filter as it is stored. Raises BAD_USER_INPUT."""
    if reference is None:
        return None
    try:
        return _reference.validate_python(reference)
    except ValidationError:
        raise bad_input(REFERENCE_RULE) from None


def wanted_metadata(entry: MetadataEntryInput | None) -> tuple[str, str] | None:
    """Return the entry of a filter. Raises BAD_USER_INPUT."""
    if entry is None:
        return None
    try:
        _entry.validate_python(strawberry.asdict(entry))
    except ValidationError:
        raise bad_input(METADATA_RULE) from None
    return entry.key, entry.value
