"""Define the messages that a client may send over a socket by graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_ID_LENGTH: Final = 100

OperationId = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
Json = dict[str, Any] | None


class _Frame(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _WithPayload(_Frame):
    type: Literal["connection_init", "ping", "pong"]
    payload: Json = None


class _Request(_Frame):
    query: str
    variables: Json = None
    operationName: str | None = None  # noqa: N815 - the protocol's name
    extensions: Json = None


class _Subscribe(_Frame):
    type: Literal["subscribe"]
    id: OperationId
    payload: _Request


class _Complete(_Frame):
    type: Literal["complete"]
    id: OperationId


_FRAMES: Final[TypeAdapter[_WithPayload | _Subscribe | _Complete]] = TypeAdapter(
    Annotated[_WithPayload | _Subscribe | _Complete, Field(discriminator="type")]
)


def is_frame(message: object) -> bool:
    """Return True if a client may send this message."""
    try:
        _FRAMES.validate_python(message)
    except ValidationError:
        return False
    return True
