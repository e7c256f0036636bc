"""The form of the ids and types that a provider gives its notifications."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

EventId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
"""Visible ASCII: the inbox stores it, and PostgreSQL takes neither a zero byte nor a long key."""
