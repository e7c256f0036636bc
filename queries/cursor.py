"""Encode cursors of lists with public keys: opaque to clients, the key of a row to this service.

A cursor carries the name of its list, so that another list refuses it. Where the key is a position
of the log, the cursor is that position encrypted: see eventstore/positions.py.
"""

from __future__ import annotations

import base64
import binascii


class BadCursor(Exception):
    """The text is no cursor of this list."""


def encode(kind: str, key: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def decode(kind: str, cursor: str) -> str:
    """Return the key. Raises BadCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadCursor from None
    found, _, key = text.partition(":")
    if found != kind or not key or encode(kind, key) != cursor:
        raise BadCursor
    return key
