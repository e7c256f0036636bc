"""The calls to providers that the log has a record of, with their keys and their answers.

Nothing stores a call itself. Each key derives from the log, as the client derives it, and the
answer is the event that records it. Calls that only read are not recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from domain.event import Event
from domain.payment import events as payment
from domain.payment.commands import HoldEnd
from domain.saga.events import SagaStepIntervened
from domain.saga.plan import refund_again
from domain.shipping import events as shipping
from eventstore.envelope import StoredEvent
from providers import idempotency_keys as keys
from providers.references import Booking
from queries.explain.entries import ProviderCallEntry
from queries.explain.meanings import money_text

_PAYMENTS: Final = "payments"
_SHIPPING: Final = "shipping"


def calls_of(order_id: str, events: Iterable[StoredEvent]) -> Sequence[ProviderCallEntry]:
    """Return the calls by the events, in the order of the log, that record their answers."""
    calls = _Calls(order_id)
    for stored in events:
        calls.add(stored)
    return calls.found


class _Calls:
    def __init__(self, order_id: str) -> None:
        self.found: list[ProviderCallEntry] = []
        self._order_id = order_id
        self._interventions = Counter[str]()
        self._closed_disputes: set[str] = set()
        self._booking = Booking(order_id)
        self._given = Counter[str]()
        """The amounts refunded for each purpose."""
        self._authorizing: dict[int, int] = {}
        """The place in `found` of the call that each attempt began with."""

    def add(self, stored: StoredEvent) -> None:
        event = stored.decode()
        if isinstance(event, SagaStepIntervened):
            self._interventions[event.step] += 1
        elif stored.category == "payment":
            self._of_payment(event, stored)
        elif stored.category == "shipment":
            self.found.extend(self._of_shipment(event, stored))

    def _of_payment(self, event: Event, stored: StoredEvent) -> None:  # noqa: C901 - one for each event
        match event:
            case payment.PaymentRequested():
                key = keys.payment_confirm(self._order_id, event.attempt)
                self._authorizing[event.attempt] = len(self.found)
                operation = f"authorize attempt {event.attempt}"
                self.found.append(_call(stored, _PAYMENTS, operation, key, None, None))
            case payment.PaymentPending():
                self._answer(event.attempt, "pending", event.reference)
            case payment.PaymentAuthorized():
                self._answer(event.attempt, "authorized", event.reference)
            case payment.PaymentDeclined():
                self._answer(event.attempt, f"declined: {event.code}", event.reference)
            case payment.PaymentRefused():
                self._answer(event.attempt, f"not created: {event.code}", None)
            case payment.PaymentCaptured():
                self._pay(stored, "capture", None, f"captured {money_text(event.amount)}", event)
            case payment.PaymentRefunded():
                refunded = f"refunded {money_text(event.amount)}"
                self._pay(stored, "refund", self._refund_key(event), refunded, event)
                self._given[event.purpose] += event.amount.amount
            case payment.PaymentDisputed():
                self._closed_disputes.discard(event.dispute_id)
            case payment.PaymentDisputeClosed():
                self._closed_disputes.add(event.dispute_id)
            case payment.PaymentRefundFailed():
                self._given[event.purpose] -= event.amount.amount
            case payment.PaymentHoldEnded(cause=HoldEnd.RUNNING_OUT):
                self.found.append(_call(stored, _PAYMENTS, "void", None, "voided", event.reference))
            case payment.PaymentVoided(attempt=attempt) if attempt:
                self.found.append(_call(stored, _PAYMENTS, "void", None, "voided", None))

    def _answer(self, attempt: int, answer: str, reference: str | None) -> None:
        if (place := self._authorizing.get(attempt)) is not None:
            call = self.found[place]
            answer = answer if call.answer is None else f"{call.answer}, then {answer}"
            self.found[place] = _with_answer(call, answer, reference)

    def _pay(
        self,
        stored: StoredEvent,
        operation: str,
        key: str | None,
        answer: str,
        event: payment.PaymentCaptured | payment.PaymentRefunded,
    ) -> None:
        self.found.append(_call(stored, _PAYMENTS, operation, key, answer, event.reference))

    def _refund_key(self, event: payment.PaymentRefunded) -> str:
        before = self._given[event.purpose]
        step = event.purpose if event.repeats is None else refund_again(event.repeats)
        decisions = self._interventions[step] + len(self._closed_disputes)
        return keys.refund(self._order_id, step, decisions, before, event.amount.amount)

    def _of_shipment(self, event: Event, stored: StoredEvent) -> Iterator[ProviderCallEntry]:
        order_id = self._order_id
        match event:
            case shipping.ShipmentCreated():
                self._booking = Booking(order_id, event.booking)
                key, reference = keys.shipment_create(self._booking.reference), event.shipment_id
                yield _call(stored, _SHIPPING, "create shipment", key, "created", reference)
            case shipping.ShipmentCancelled():
                key = keys.shipment_cancel(self._booking.reference)
                yield _call(stored, _SHIPPING, "cancel shipment", key, "cancelled", None)
            case shipping.ShipmentStopped():
                key = keys.shipment_cancel(Booking(order_id, event.booking).reference)
                self._booking = Booking(order_id, event.booking + 1)
                yield _call(stored, _SHIPPING, "cancel shipment", key, "cancelled", None)
            case shipping.ShipmentReturnRequested():
                key, reference = keys.shipment_return(self._booking.reference), event.return_id
                yield _call(stored, _SHIPPING, "create return", key, "created", reference)


def _call(  # noqa: PLR0913, PLR0917 - the facts of a call
    stored: StoredEvent,
    provider: str,
    operation: str,
    key: str | None,
    answer: str | None,
    reference: str | None,
) -> ProviderCallEntry:
    return ProviderCallEntry(
        at=stored.recorded_at,
        text=_text(provider, operation, answer),
        provider=provider,
        operation=operation,
        key=key,
        answer=answer,
        reference=reference,
    )


def _with_answer(call: ProviderCallEntry, answer: str, reference: str | None) -> ProviderCallEntry:
    text = _text(call.provider, call.operation, answer)
    return replace(call, text=text, answer=answer, reference=reference)


def _text(provider: str, operation: str, answer: str | None) -> str:
    return f"{provider}: {operation}: {answer or 'no answer recorded yet'}."
