"""The base of every event. An event is a fact in the past tense; its class name is its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""A pure function from the data of one schema version to the data of the next."""

OLDEST_SCHEMA_VERSION: Final = 1


class Event(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",  # the log refuses such a value; as null it would be stored
    )

    schema_version: ClassVar[int] = OLDEST_SCHEMA_VERSION
    """The version of the fields below. Raise it when a stored event could no longer be read."""

    upcasters: ClassVar[Mapping[int, Upcaster]] = {}
    """The upcaster from each older schema version to the next, by the older version."""
