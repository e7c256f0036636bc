"""The version of everything that Waybill stores, as one number.

Raise the number by hand whenever stored names or events change so that old data could not be read.
Until 0.1.0 is released, this replaces upcasters and patched workflows for our own renames.
"""

from __future__ import annotations

from typing import Final

STORED_FORMAT: Final = 6


class OtherStoredFormatError(Exception):
    """The data has another format than this code reads, or none; the message is one line."""


def require_stored_format(place: str, found: int | None, advice: str) -> None:
    """Raise OtherStoredFormatError unless the data that this place holds can be read."""
    if found != STORED_FORMAT:
        held = "none" if found is None else found
        raise OtherStoredFormatError(
            f"{place} holds stored format {held}, and this code reads {STORED_FORMAT}: {advice}"
        )
