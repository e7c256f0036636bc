"""Check the arguments of the dead letters, before anything is read or changed."""

from __future__ import annotations

import re
from typing import Final

from pydantic import TypeAdapter, ValidationError

from api.errors import bad_input
from domain.errors import ErrorCode, Refused
from domain.saga.commands import Explanation
from eventbus.routing import is_group
from queries.cursor import BadCursor, decode

CURSOR_KIND: Final = "dead letter"

_ID: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
"""A number that a bigint of PostgreSQL holds."""
_REASON: Final = TypeAdapter[str](Explanation)


def check_group(group: str | None) -> None:
    """Raise BAD_USER_INPUT for a text that can be the name of no consumer group."""
    if group is not None and not is_group(group):
        raise bad_input("group: a name has up to 40 lower-case letters, digits and hyphens")


def key_of(text: str) -> int:
    """Return the id of the letter in a cursor. Raises BadCursor."""
    key = decode(CURSOR_KIND, text)
    if not _ID.fullmatch(key):
        raise BadCursor
    return int(key)


def letter_id_of(text: str) -> int:
    """Return the id of a letter. Raises Refused with NOT_FOUND for a text that is none."""
    if not _ID.fullmatch(text):
        message = "there is no dead letter with this id: list them again"
        raise Refused(ErrorCode.NOT_FOUND, message, ("id",))
    return int(text)


def reason_of(text: str) -> str:
    """Return the reason without spaces around it. Raises Refused with INVALID_INPUT."""
    try:
        return _REASON.validate_python(text)
    except ValidationError as error:
        [fault] = error.errors(include_input=False, include_context=False, include_url=False)
        raise Refused(ErrorCode.INVALID_INPUT, fault["msg"], ("reason",)) from None
