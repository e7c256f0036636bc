"""Write notices as the lines of one message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from notifications.mail.content import one_line
from notifications.operators.causes import OF_ORDERS, CauseKind

MAX_SHOWN: Final = 20
"""The number of notices that a message lists. It counts the others."""

DOCUMENTATION: Final[Mapping[CauseKind, str]] = {
    CauseKind.PARKED_SAGA: "docs/SAGAS.md#how-to-intervene-in-a-parked-saga",
    CauseKind.DISCREPANCY: "docs/OPERATOR-NOTICES.md#a-discrepancy",
    CauseKind.DEAD_LETTERS: "README.md#when-a-consumer-cannot-handle-an-event",
    CauseKind.STOPPED_PROJECTION: "docs/OPERATOR-NOTICES.md#a-projection-that-has-stopped",
    CauseKind.PARKED_STREAMS: "docs/PROJECTIONS.md#an-event-that-a-projection-cannot-take",
}
"""Where an operator reads what to do."""

_SENTENCES: Final[Mapping[CauseKind, str]] = {
    CauseKind.PARKED_SAGA: "The saga of {subject} is parked at {detail}.",
    CauseKind.DISCREPANCY: "The log and another system disagree about {subject}: {detail}.",
    CauseKind.DEAD_LETTERS: "The consumer group {subject} has dead letters: {detail}.",
    CauseKind.STOPPED_PROJECTION: "The projection {subject} takes no events: {detail}.",
    CauseKind.PARKED_STREAMS: "{subject} has parked streams: {detail}.",
}


class Line(BaseModel):
    """A notice as a message says it."""

    model_config = ConfigDict(frozen=True)

    id: int
    kind: CauseKind
    subject: str
    order_number: str | None
    detail: str
    since: datetime
    is_reminder: bool

    @property
    def text(self) -> str:
        return sentence(self.kind, self.subject, self.order_number, self.detail)


class Digest(BaseModel):
    """The content of a message. It is stored, so that a repetition says the same."""

    model_config = ConfigDict(frozen=True)

    lines: tuple[Line, ...]
    """The first MAX_SHOWN notices."""
    counts: dict[CauseKind, int]
    """The number of all notices of each kind."""

    @classmethod
    def of(cls, notices: Sequence[Line]) -> Self:
        counts = Counter(notice.kind for notice in notices)
        return cls(lines=tuple(notices[:MAX_SHOWN]), counts=dict(counts))

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def sentence(kind: CauseKind, subject: str, order_number: str | None, detail: str) -> str:
    """Return a line that says what needs an operator."""
    if kind in OF_ORDERS:
        subject = f"order {subject}" if order_number is None else f"order {order_number}"
    return one_line(_SENTENCES[kind].format(subject=subject, detail=detail))
