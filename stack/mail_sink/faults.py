"""The faults that a test asks the mail sink for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Stage(StrEnum):
    """The command that fails."""

    CONNECT = "connect"
    RCPT = "rcpt"
    DATA = "data"


class Break(StrEnum):
    """What the server does instead of answering."""

    HANG = "hang"
    DROP = "drop"
    """The connection is cut and the mail is not kept."""
    KEEP_AND_DROP = "keep_and_drop"
    """The mail is kept, and the connection is cut before the answer."""
    ANSWER_AND_DROP = "answer_and_drop"
    """The mail is kept and confirmed, and the connection is cut after the answer."""


Reply = Annotated[str, StringConstraints(pattern=r"^[45]\d\d [ -~]+$")]


class Fault(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage = Stage.DATA
    how: Break | Reply
    times: int = Field(1, ge=0, le=1_000_000)


class Faults:
    """The faults of the next commands. Each stage has one at a time."""

    def __init__(self) -> None:
        self._faults: dict[Stage, tuple[str, int]] = {}

    def set(self, fault: Fault) -> None:
        self._faults[fault.stage] = (fault.how, fault.times)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, stage: Stage) -> str | None:
        """Return how this command fails, and count it."""
        how, times = self._faults.get(stage, (None, 0))
        if how is None or times == 0:
            return None
        self._faults[stage] = (how, times - 1)
        return how
