"""What every event has. An event is a fact in the past tense; its class name is its type."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="constants",  # to be refused by the log, rather than stored as null
    )

    schema_version: ClassVar[int] = 1
    """Of the fields as they are now; raised when a stored event of old could not be read."""
