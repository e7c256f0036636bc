"""Cursors: opaque to clients, the key of a row to us.

A cursor carries the name of its list, so that one list's cursor is refused by another.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

MAX_BIGINT: Final = 2**63 - 1


class BadCursor(Exception):
    """The text is no cursor of this list."""

    def __init__(self) -> None:
        super().__init__("this is no cursor of this list: pass one that the list gave, unchanged")


def encode(kind: str, key: str | int) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def decode(kind: str, cursor: str) -> str:
    """The key. Raises BadCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadCursor from None
    found, _, key = text.partition(":")
    if found != kind or not key or encode(kind, key) != cursor:
        raise BadCursor
    return key


def decode_int(kind: str, cursor: str) -> int:
    key = decode(kind, cursor)
    if not re.fullmatch(r"[0-9]{1,19}", key) or int(key) > MAX_BIGINT:
        raise BadCursor
    return int(key)
