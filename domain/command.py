"""The base of every command. A command is plain data, and valid once it exists."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
"""An id from this service or a client: no spaces, and no characters special to streams or logs."""


class Command(BaseModel):
    """A request to change one aggregate. Subclasses validate themselves on construction."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aggregate_id: Identifier

    @property
    def command_type(self) -> str:
        return type(self).__name__
