"""What may happen once, and what may happen how often: in the log, and in the providers' books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.payment.events import (
    PaymentAuthorized,
    PaymentDeclined,
    PaymentPending,
    PaymentRequested,
    PaymentVoided,
)
from domain.saga.events import SagaParked, SagaStepIntervened
from eventstore.envelope import StoredEvent
from tests.matrix.cases import CANCELLATIONS, OUTAGES, Case, Fault

Fact = tuple[object, ...]
_COUNTED: Final = ("OrderCancellationRequested", "OrderCancellationWithdrawn", "StockReceived")
"""Of these there may be more than one without anything that tells them apart."""
_PARKINGS_BY_AN_OUTAGE: Final = 2
"""Undos that run side by side may meet the same one."""


def repeated(case: Case, events: Sequence[StoredEvent]) -> Iterator[str]:
    """What the log has twice, and what it has more of than can come of this case."""
    facts = Counter(_fact(event) for event in events if event.type not in _COUNTED)
    yield from (f"{fact} {count} times in the log" for fact, count in facts.items() if count > 1)
    ids = Counter(event.event_id for event in events)
    yield from (f"event {name} {count} times" for name, count in ids.items() if count > 1)
    types = Counter(event.type for event in events)
    for name, most in _most_in_the_log(case, types).items():
        if types[name] > most:
            yield f"{types[name]} {name} in the log, {most} at most"


def _fact(event: StoredEvent) -> Fact:
    """What of it must not be said again."""
    match event.decode():
        case PaymentPending() as pending:
            return event.type, pending.attempt, pending.action_url
        case PaymentRequested() | PaymentAuthorized() | PaymentDeclined() | PaymentVoided() as of:
            return event.type, of.attempt
        case SagaParked() as parked:
            return event.type, parked.parking
        case SagaStepIntervened() as made:
            return "decided", made.parking
        case _:
            return (event.type,)


def _most_in_the_log(case: Case, types: Counter[str]) -> Mapping[str, int]:
    scenario = case.point.scenario
    withdrawn = types["OrderCancellationWithdrawn"]
    is_cancelled = case.fault in CANCELLATIONS
    turns = scenario.cancellations + is_cancelled + (case.fault in OUTAGES)
    if case.fault is Fault.TERMINATED and case.point.activity == "withdraw_cancellation":
        # What the ended run withdraws late, the run after it asks for and withdraws once more.
        turns += 1
    parkings = scenario.parkings * 2 + (_PARKINGS_BY_AN_OUTAGE if case.fault in OUTAGES else 0)
    return {
        "OrderCancellationRequested": min(turns, withdrawn + 1),
        "OrderCancellationWithdrawn": turns,
        "PaymentAuthorized": 1,
        "PaymentVoided": 1,
        "PaymentRequested": _attempts(case),
        "SagaParked": parkings,
        "StockReceived": scenario.receipts,
    }


def done_again(case: Case, books: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """An effect at a provider: each once, but a void for each attempt to pay."""
    for name, (count, _) in books.items():
        most = _attempts(case) if name == "voided" else 1
        if count > most:
            yield f"{name} {count} times at the provider, {most} at most"


def _attempts(case: Case) -> int:
    """To pay. A customer whose answer is lost with the workflow asks another for one more."""
    is_lost = case.fault in {Fault.TERMINATED, Fault.PARENT_TERMINATED}
    asks_again = is_lost and case.point.activity == "request_payment"
    return case.point.scenario.attempts + asks_again
