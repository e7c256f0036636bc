"""Check how often each fact may occur: in the log, and at the providers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.payment.events import (
    PaymentAuthorized,
    PaymentDeclined,
    PaymentHoldEnded,
    PaymentPending,
    PaymentRefused,
    PaymentRequested,
    PaymentVoided,
)
from domain.saga.events import SagaParked, SagaStepIntervened, SagaUnparked
from domain.shipping.events import ShipmentCreated, ShipmentStopped
from eventstore.envelope import StoredEvent
from tests.matrix.cases import CANCELLATIONS, OUTAGES, Case, Fault

Fact = tuple[object, ...]
_COUNTED: Final = ("OrderCancellationRequested", "OrderCancellationWithdrawn", "StockReceived")
"""Events of these types may occur several times without anything that distinguishes them."""
_WITH_EACH_HOLD: Final = ("OrderAuthorized", "OrderConfirmed")
_PARKINGS_BY_AN_OUTAGE: Final = 2
"""Undos that run in parallel may all meet the same outage."""


def repeated(case: Case, events: Sequence[StoredEvent]) -> Iterator[str]:
    """Yield what the log has twice, and what it has more often than this case can cause."""
    counted = (*_COUNTED, *(_WITH_EACH_HOLD if case.point.scenario.holds > 1 else ()))
    facts = Counter(_fact(event) for event in events if event.type not in counted)
    yield from (f"{fact} {count} times in the log" for fact, count in facts.items() if count > 1)
    ids = Counter(event.event_id for event in events)
    yield from (f"event {name} {count} times" for name, count in ids.items() if count > 1)
    types = Counter(event.type for event in events)
    for name, most in _most_in_the_log(case, types).items():
        if types[name] > most:
            yield f"{types[name]} {name} in the log, {most} at most"


def _fact(event: StoredEvent) -> Fact:  # noqa: PLR0911 - one for each kind
    """Return the part of the event that must not occur again."""
    match event.decode():
        case PaymentPending() as pending:
            return event.type, pending.attempt, pending.action_url
        case (
            PaymentRequested()
            | PaymentAuthorized()
            | PaymentDeclined()
            | PaymentRefused()
            | PaymentVoided() as of
        ):
            return event.type, of.attempt
        case PaymentHoldEnded() as ended:
            return event.type, ended.attempt
        case ShipmentCreated() | ShipmentStopped() as of:
            return event.type, of.booking
        case SagaParked() as parked:
            return event.type, parked.parking
        case SagaStepIntervened() | SagaUnparked() as end:
            return "ended", end.parking
        case _:
            return (event.type,)


def _most_in_the_log(case: Case, types: Counter[str]) -> Mapping[str, int]:
    scenario = case.point.scenario
    withdrawn = types["OrderCancellationWithdrawn"]
    is_cancelled = case.fault in CANCELLATIONS
    cancellations = scenario.cancellations + is_cancelled + (case.fault in OUTAGES)
    if case.fault is Fault.TERMINATED and case.point.activity == "withdraw_cancellation":
        # If the ended run withdraws late, the next run requests and withdraws the cancellation
        # again.
        cancellations += 1
    parkings = scenario.parkings * 2 + (_PARKINGS_BY_AN_OUTAGE if case.fault in OUTAGES else 0)
    return {
        "OrderCancellationRequested": min(cancellations, withdrawn + 1),
        "OrderCancellationWithdrawn": cancellations,
        **dict.fromkeys(("PaymentAuthorized", "ShipmentCreated", *_WITH_EACH_HOLD), scenario.holds),
        "PaymentVoided": 1,
        "PaymentRequested": _attempts(case),
        "SagaParked": parkings,
        "StockReceived": scenario.receipts,
    }


def done_again(case: Case, effects: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Yield each effect that a provider applied too often: once each, one void for each attempt."""
    for name, (count, _) in effects.items():
        most = _attempts(case) if name == "voided" else _most_at_the_providers(case, name)
        if count > most:
            yield f"{name} {count} times at the provider, {most} at most"


def _most_at_the_providers(case: Case, name: str) -> int:
    """Return the count of an effect that a further hold, and its parcel, have once more."""
    return case.point.scenario.holds if name in {"authorized", "created", "cancelled"} else 1


def _attempts(case: Case) -> int:
    """Return the payment attempts.

    A customer who gets no answer, because the workflow ended, adds one.
    """
    is_lost = case.fault in {Fault.TERMINATED, Fault.PARENT_TERMINATED, Fault.GONE}
    asks_again = is_lost and case.point.activity == "request_payment"
    return case.point.scenario.attempts + asks_again
