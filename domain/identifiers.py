"""Whether a text has the form of an id."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from domain.command import Identifier

_identifier: TypeAdapter[str] = TypeAdapter(Identifier)


def is_identifier(text: str) -> bool:
    """Whether anything can have this id: if not, the database is not to be asked."""
    try:
        _identifier.validate_python(text)
    except ValidationError:
        return False
    return True
