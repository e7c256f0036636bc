"""Check the form of ids and of idempotency keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from domain.command import Identifier

IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,100}$")]
"""A client's key. Unlike an id, it may begin with any of its characters: a random text in base64url
often begins with a dash or an underscore."""

_identifier: TypeAdapter[str] = TypeAdapter(Identifier)
_key: TypeAdapter[str] = TypeAdapter(IdempotencyKey)


def is_identifier(text: str) -> bool:
    """Return whether anything can have this id; if not, there is no need to ask the database."""
    return _is_valid(_identifier, text)


def is_idempotency_key(text: str) -> bool:
    """Return whether a client may use this text as a key."""
    return _is_valid(_key, text)


def _is_valid(form: TypeAdapter[str], text: str) -> bool:
    try:
        form.validate_python(text)
    except ValidationError:
        return False
    return True
