"""The log's record of each attempt at a step: its beginning, its answer and the provider's id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.event import Event
from domain.payment import events as payment
from domain.saga.plan import ASK_AGAIN, AUTHORIZE
from domain.shipping import events as shipping

_BEGINNINGS: Final = frozenset({"request", "dispatch"})
"""The last parts of the keys that a step records before it calls another party."""
_PART: Final = "part"
"""The part of a key under which a step records what it could do before it failed."""
_STOP: Final = "stop_parcel"
_STEP_OF: Final = {"hold": ASK_AGAIN.name, _STOP: ASK_AGAIN.name}
"""The steps whose keys begin with another name."""
_DECLINED: Final = "the provider declined this way to pay"
_REFUSED: Final = "the provider refused to create the payment"


class AttemptOutcome(StrEnum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PENDING = "PENDING"
    """The provider waits for the customer."""
    DECLINED = "DECLINED"
    """The provider declined the payment; another way to pay may be tried."""
    REFUSED = "REFUSED"
    """The provider refused to create the payment."""
    FAILED = "FAILED"
    """The other party refused the call or did not answer it, or the deadline was missed."""
    ABANDONED = "ABANDONED"
    """The payment was voided, or another attempt replaced it, before it had succeeded."""


@dataclass(frozen=True, slots=True)
class StepKey:
    """The key under which a step has recorded an event."""

    step: str
    run: str
    """It tells the runs of a step apart that is done again for a later attempt to pay."""
    is_beginning: bool

    @classmethod
    def of(cls, key: str, event_type: str) -> StepKey:
        name, *parts = key.split("/")
        is_beginning = (
            not _BEGINNINGS.isdisjoint(parts[-1:])
            or parts[:1] == [_PART]
            or name == _STOP
            or event_type == payment.PaymentRequested.__name__
        )
        run = parts[0] if parts and parts[0].isdecimal() else ""
        return cls(_STEP_OF.get(name, name), run, is_beginning)


@dataclass(slots=True)
class AttemptRecord:
    run: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: AttemptOutcome = AttemptOutcome.RUNNING
    code: str | None = None
    message: str | None = None
    reference: str | None = None
    """The provider's id of the payment, the shipment or the return."""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def end(self, outcome: AttemptOutcome, at: datetime) -> None:
        self.outcome, self.ended_at = outcome, at


class AttemptRecords:
    """The attempts by step, in the order in which they began."""

    def __init__(self) -> None:
        self._by_step: dict[str, list[AttemptRecord]] = {}

    def of(self, step: str) -> list[AttemptRecord]:
        return self._by_step.get(step, [])

    def add(self, event: Event, at: datetime, key: StepKey | None) -> None:
        match event:
            case (
                payment.PaymentRequested()
                | payment.PaymentPending()
                | payment.PaymentAuthorized()
                | payment.PaymentDeclined()
                | payment.PaymentRefused()
            ):
                self._add_payment(event, at)
                return
            case payment.PaymentVoided():
                self._abandon(at)
        if key is not None and (key.step != AUTHORIZE.name or not key.run):
            self._add_step(key, event, at)

    def _add_step(self, key: StepKey, event: Event, at: datetime) -> None:
        record = self._record(key.step, key.run)
        record.reference = _reference(event) or record.reference
        if key.is_beginning:
            record.started_at = record.started_at or at
        else:
            record.end(AttemptOutcome.SUCCEEDED, at)

    def _add_payment(
        self,
        event: payment.PaymentRequested
        | payment.PaymentPending
        | payment.PaymentAuthorized
        | payment.PaymentDeclined
        | payment.PaymentRefused,
        at: datetime,
    ) -> None:
        if isinstance(event, payment.PaymentRequested):
            self._abandon(at)
        record = self._record(AUTHORIZE.name, str(event.attempt))
        match event:
            case payment.PaymentRequested():
                record.started_at = at
            case payment.PaymentPending():
                record.outcome, record.reference = AttemptOutcome.PENDING, event.reference
            case payment.PaymentAuthorized():
                record.reference = event.reference
                record.end(AttemptOutcome.SUCCEEDED, at)
            case payment.PaymentDeclined():
                record.code, record.message = event.code, _DECLINED
                record.reference = event.reference
                record.end(AttemptOutcome.DECLINED, at)
            case payment.PaymentRefused():
                record.code, record.message = event.code, _REFUSED
                record.end(AttemptOutcome.REFUSED, at)

    def _abandon(self, at: datetime) -> None:
        """End the attempt to pay that is still open: another one replaces it, or it is voided."""
        for record in self.of(AUTHORIZE.name):
            if record.is_open:
                record.end(AttemptOutcome.ABANDONED, at)

    def _record(self, step: str, run: str) -> AttemptRecord:
        """Return the record of this run: one of the same key, or the one that is still open."""
        records = self._by_step.setdefault(step, [])
        for record in reversed(records):
            if record.run == run or record.is_open:
                record.run = run
                return record
        records.append(AttemptRecord(run))
        return records[-1]


def _reference(event: Event) -> str | None:
    match event:
        case shipping.ShipmentCreated():
            return event.shipment_id
        case shipping.ShipmentReturnRequested():
            return event.return_id
        case payment.PaymentCaptured() | payment.PaymentRefunded() | payment.PaymentHoldEnded():
            return event.reference
        case _:
            return None
