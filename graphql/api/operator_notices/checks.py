"""Check the arguments of the operators' notices, before anything is read or changed."""

from __future__ import annotations

import re
from typing import Final

from pydantic import TypeAdapter, ValidationError

from domain.errors import ErrorCode, Refused
from domain.saga.commands import Explanation
from queries.cursor import BadCursor, decode

CURSOR_KIND: Final = "operator notice"

_ID: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
"""A number that a bigint of PostgreSQL holds."""
_NOTE: Final = TypeAdapter[str](Explanation)


def key_of(text: str) -> int:
    """Return the id of the notice in a cursor. Raises BadCursor."""
    key = decode(CURSOR_KIND, text)
    if not _ID.fullmatch(key):
        raise BadCursor
    return int(key)


def notice_id_of(text: str) -> int:
    """Return the id of a notice. Raises Refused with NOT_FOUND for a text that is none."""
    if not _ID.fullmatch(text):
        message = "there is no notice with this id: list them again"
        raise Refused(ErrorCode.NOT_FOUND, message, ("id",))
    return int(text)


def note_of(text: str | None) -> str | None:
    """Return the note without spaces around it. Raises Refused with INVALID_INPUT."""
    try:
        return None if text is None else _NOTE.validate_python(text)
    except ValidationError as error:
        [fault] = error.errors(include_input=False, include_context=False, include_url=False)
        raise Refused(ErrorCode.INVALID_INPUT, fault["msg"], ("note",)) from None
