"""Count the commands that were run, and the sagas that have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.order import events as o
from domain.payment import events as p
from eventstore.envelope import StoredEvent
from observability.work import CAPTURE_SECONDS, COMMANDS, SAGA_SECONDS, SAGAS


class End(NamedTuple):
    """The outcome of a saga, and the event that it began with."""

    saga: str
    outcome: str
    first: type[Event]


ENDS: Final[dict[type[Event], End]] = {
    o.OrderCompleted: End("order", "completed", o.OrderCreated),
    o.OrderCancelled: End("order", "cancelled", o.OrderCreated),
    o.OrderRejected: End("order", "rejected", o.OrderCreated),
    o.OrderReturned: End("return", "returned", o.OrderReturnRequested),
    o.OrderReturnLapsed: End("return", "lapsed", o.OrderReturnRequested),
    p.PaymentCaptured: End("payment", "captured", p.PaymentRequested),
    p.PaymentSettledByOperator: End("payment", "settled", p.PaymentRequested),
    p.PaymentVoided: End("payment", "voided", p.PaymentRequested),
}


@contextmanager
def counted(commands: Sequence[Command]) -> Iterator[None]:
    """Count the commands. They run in one transaction, and so have one outcome."""
    outcome = "failed"
    try:
        yield
        outcome = "accepted"
    except Refused:
        outcome = "refused"
        raise
    finally:
        for command in commands:
            COMMANDS.labels(type(command).__name__, outcome).inc()


def count_ends(stored: Sequence[StoredEvent], decided: Sequence[Event]) -> None:
    """Count the sagas that end with these events, which follow the stored ones of their stream."""
    for event in decided:
        if (end := ENDS.get(type(event))) is not None:
            SAGAS.labels(end.saga, end.outcome).inc()
            begun = [s.recorded_at for s in stored if s.type == end.first.__name__]
            if begun:  # the newest: an order may be returned a second time
                seconds = (datetime.now(UTC) - begun[-1]).total_seconds()
                SAGA_SECONDS.labels(end.saga, end.outcome).observe(max(0.0, seconds))


def count_capture(dispatched_at: datetime) -> None:
    """Count a payment that was captured now, for a parcel that was dispatched at this time."""
    CAPTURE_SECONDS.observe(max(0.0, (datetime.now(UTC) - dispatched_at).total_seconds()))
