"""The shop's own reference of an order and its own small facts about it.

They are stored in clear and can be searched, so they must hold no personal data.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

MAX_ENTRIES: Final = 20
MAX_VALUE: Final = 500

Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^\P{Cc}*$"),
]
"""A short line of text, without control characters."""

MetadataKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]

MetadataValue = Annotated[str, StringConstraints(max_length=MAX_VALUE, pattern=r"^\P{Cc}*$")]
"""A text without control characters. It may be empty, and it is kept unchanged."""

Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=MAX_ENTRIES)]
