"""List every attempt at a step: those in the log, and the failed calls that a worker has noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from queries.saga_history import ParkingView
from queries.saga_records import AttemptOutcome, AttemptRecord


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A failed attempt that a worker has noted; the newest ones of each step are kept."""

    number: int
    """Counts the failed attempts at the step, from 1."""
    code: str
    message: str
    started_at: datetime | None
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptView:
    number: int
    """Counts the attempts at the step, from 1."""
    outcome: AttemptOutcome
    started_at: datetime | None
    ended_at: datetime | None
    code: str | None
    """The provider's decline code, or the code of the failure."""
    message: str | None
    reference: str | None
    """The provider's id of the payment, the shipment or the return."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """The facts about one step or undo."""

    records: Sequence[AttemptRecord]
    failed_calls: Sequence[FailedCall]
    parkings: Sequence[ParkingView]
    retried_at: Sequence[datetime]
    """The times of the interventions."""
    started_at: datetime | None
    ended_at: datetime | None
    is_left: bool
    """The step is parked, or an operator has settled it: its last attempt has failed."""
    is_running: bool
    has_succeeded: bool
    """The step has succeeded, although it may have recorded nothing."""


def attempts_of(run: StepRun) -> list[AttemptView]:
    """Return the attempts, the oldest first. None begins before the one before it has ended."""
    forgotten = run.failed_calls[0].number - 1 if run.failed_calls else 0
    attempts: list[AttemptView] = []
    begins_at = run.started_at
    for number, record in enumerate(_records(run), forgotten + 1):
        started = [record.started_at, begins_at, *_retries(run, record)]
        attempts.append(
            AttemptView(
                number=number,
                outcome=record.outcome,
                started_at=max((at for at in started if at is not None), default=None),
                ended_at=record.ended_at,
                code=record.code,
                message=record.message,
                reference=record.reference,
            )
        )
        begins_at = record.ended_at
    return attempts


def merged(*sources: Sequence[FailedCall]) -> list[FailedCall]:
    """Return the failed calls of several activities as those of one step."""
    forgotten = sum(calls[0].number - 1 for calls in sources if calls)
    calls = sorted((call for calls in sources for call in calls), key=lambda call: call.failed_at)
    return [replace(call, number=n) for n, call in enumerate(calls, forgotten + 1)]


def _records(run: StepRun) -> Iterator[AttemptRecord]:
    ended = [record for record in run.records if not record.is_open]
    yield from sorted([*ended, *_failures(run)], key=_ended_at)
    if run.is_left:
        return
    still_open = [record for record in run.records if record.is_open]
    if run.has_succeeded and not ended and not still_open:
        yield AttemptRecord("", None, run.ended_at, AttemptOutcome.SUCCEEDED)
    if run.is_running and not still_open:
        yield AttemptRecord("")
    for record in still_open:
        is_over = run.has_succeeded and record.outcome is AttemptOutcome.RUNNING
        yield _succeeded(record, run) if is_over else record


def _succeeded(record: AttemptRecord, run: StepRun) -> AttemptRecord:
    return replace(record, outcome=AttemptOutcome.SUCCEEDED, ended_at=run.ended_at)


def _failures(run: StepRun) -> Iterator[AttemptRecord]:
    """Yield the failed calls, and the parkings whose failed call no worker has noted."""
    for call in run.failed_calls:
        if not _is_in_log(call, run.records):
            yield _failure(call.started_at, call.failed_at, call.code, call.message)
    noted = [call.failed_at for call in run.failed_calls]
    since = datetime.min.replace(tzinfo=UTC)
    for parking in run.parkings:
        if not any(since < at <= parking.since for at in noted):
            yield _failure(None, parking.since, parking.code, parking.message)
        since = parking.since


def _is_in_log(call: FailedCall, records: Sequence[AttemptRecord]) -> bool:
    """Return whether the log holds the outcome of this call, with the provider's own code."""
    began = call.started_at
    return began is not None and any(
        record.ended_at is not None and began <= record.ended_at <= call.failed_at
        for record in records
    )


def _failure(
    started_at: datetime | None, failed_at: datetime, code: str, message: str
) -> AttemptRecord:
    return AttemptRecord("", started_at, failed_at, AttemptOutcome.FAILED, code, message)


def _retries(run: StepRun, record: AttemptRecord) -> list[datetime]:
    """Return the interventions before the end of this attempt."""
    return [at for at in run.retried_at if record.ended_at is None or at < record.ended_at]


def _ended_at(record: AttemptRecord) -> datetime:
    assert record.ended_at is not None, "the attempt has ended"  # noqa: S101
    return record.ended_at
