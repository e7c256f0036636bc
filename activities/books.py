"""What the log and the providers' books say of an order, in words that can be compared.

Compared is what money and stock hang on: what is held, taken and given back; whether the parcel
waits, has left or is lost. How far the log has come otherwise may lag, and is the saga's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from activities.command_handler import CommandHandler
from domain.news import PaymentReported, ShipmentNews, ShipmentReported
from domain.order.decide import ORDER
from domain.order.state import FINAL, OrderState, OrderStatus
from domain.payment.decide import PAYMENT
from domain.payment.state import UNSETTLED, PaymentState, PaymentStatus
from domain.saga.commands import Book
from domain.saga.decide import SAGA
from domain.shipping.decide import SHIPMENT
from domain.shipping.state import ShipmentStatus
from providers.carrier import Carrier, ReturnStatus
from providers.carrier import ShipmentStatus as CarrierStatus
from providers.errors import ProviderRefused
from providers.payments import PaymentProvider, ProviderPayment
from providers.payments import PaymentState as ProviderState

BY_HAND: Final = "settled by hand"
_SETTLES: Final = {
    Book.PAYMENT: {"capture", "give_back", "refund"},
    Book.SHIPMENT: {"cancel_shipment", "await_delivery", "deliver"},
}
"""Whoever skips or resolves one of these steps answers for the book: the log cannot know it."""
_UNDONE: Final = {OrderStatus.CANCELLED, OrderStatus.REJECTED}
_UNDECIDED: Final = {ProviderState.CREATED, ProviderState.PENDING}
_PARCEL: Final = {
    ShipmentStatus.CREATED: "waiting",
    ShipmentStatus.DISPATCHED: "left",
    ShipmentStatus.DELIVERED: "left",
    ShipmentStatus.LOST: "lost",
}
_NEWS: Final = {
    CarrierStatus.DISPATCHED: ShipmentNews.DISPATCHED,
    CarrierStatus.DELIVERED: ShipmentNews.DELIVERED,
    CarrierStatus.CANCELLED: ShipmentNews.CANCELLED,
    CarrierStatus.LOST: ShipmentNews.LOST,
}


@dataclass(frozen=True, slots=True)
class Account:
    """`news`: what the saga of an open order seems not to have heard of yet."""

    book: Book
    ours: str
    theirs: str
    news: PaymentReported | ShipmentReported | None = None

    @property
    def agrees(self) -> bool:
        return self.ours == self.theirs


@dataclass(frozen=True, slots=True)
class Holdings:
    """The money of an order at the provider; amounts in minor units."""

    attempts_held: tuple[int, ...] = ()
    captured: int = 0
    refunded: int = 0

    def __str__(self) -> str:
        facts = [f"attempt {attempt} held" for attempt in self.attempts_held]
        facts += [f"captured {self.captured}"] if self.captured else []
        facts += [f"refunded {self.refunded}"] if self.refunded else []
        return ", ".join(facts) or "nothing"

    @property
    def given_back(self) -> Holdings:
        return replace(self, attempts_held=(), refunded=self.captured)


class Books:
    """Reads both sides of one order. Raises ProviderUnavailable."""

    def __init__(
        self, handler: CommandHandler, payments: PaymentProvider, carrier: Carrier
    ) -> None:
        self._handler = handler
        self._payments = payments
        self._carrier = carrier

    async def read(self, order_id: str) -> list[Account]:
        order = await self._handler.load(ORDER, order_id)
        if order.status is None:
            return []
        accounts = [await self._payment(order_id, order), await self._shipment(order_id, order)]
        settled = (await self._handler.load(SAGA, order_id)).settled
        return [_believed(account, settled) for account in accounts]

    async def _payment(self, order_id: str, order: OrderState) -> Account:
        payment = await self._handler.load(PAYMENT, order_id)
        answers = {
            attempt: answer
            for attempt, reference in sorted(payment.references.items())
            if (answer := await self._look(reference)) is not None
        }
        latest = answers.get(payment.attempt)
        found = [*answers.items()]
        if order.status in FINAL:
            found += await self._unanswered(order_id, payment)
        is_decided = latest is not None and latest.state not in _UNDECIDED
        is_news = order.status not in FINAL and payment.status in UNSETTLED and is_decided
        return Account(
            Book.PAYMENT,
            ours=str(_promised(order, payment)),
            theirs=str(_held(found)),
            news=PaymentReported(order_id, payment.attempt) if is_news else None,
        )

    async def _look(self, reference: str) -> ProviderPayment | None:
        """None: the provider knows of none, so it holds none."""
        try:
            return await self._payments.get(reference=reference)
        except ProviderRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _unanswered(
        self, order_id: str, payment: PaymentState
    ) -> list[tuple[int, ProviderPayment]]:
        """Attempts whose answer was lost, by what they are labelled with: nobody will ask again."""
        return [
            (attempt, found)
            for attempt in range(1, payment.attempt + 1)
            if attempt not in payment.references
            for found in await self._payments.search(order_id=order_id, attempt=attempt)
        ]

    async def _shipment(self, order_id: str, order: OrderState) -> Account:
        shipment = await self._handler.load(SHIPMENT, order_id)
        there = await self._carrier.find(order_id=order_id)
        theirs = None if there is None else ShipmentStatus(there.status.upper())
        is_news = order.status not in FINAL and there is not None and theirs is not shipment.status
        news = _NEWS.get(there.status) if is_news and there is not None else None
        if order.returning is not None and await self._is_back(order_id):
            news = ShipmentNews.RETURNED
        return Account(
            Book.SHIPMENT,
            ours=_parcel(shipment.status),
            theirs=_parcel(theirs),
            news=ShipmentReported(order_id, news) if news is not None else None,
        )

    async def _is_back(self, order_id: str) -> bool:
        fetched = await self._carrier.find_return(order_id=order_id)
        return fetched is not None and fetched.status is ReturnStatus.RETURNED


def _believed(account: Account, settled: frozenset[str]) -> Account:
    if settled.isdisjoint(_SETTLES[account.book]):
        return account
    return replace(account, ours=BY_HAND, theirs=BY_HAND)


def _promised(order: OrderState, payment: PaymentState) -> Holdings:
    """What the log says; of an order that was undone, that nothing is kept."""
    held = (payment.attempt,) if payment.status is PaymentStatus.AUTHORIZED else ()
    logged = Holdings(held, payment.captured, payment.refunded)
    return logged.given_back if order.status in _UNDONE else logged


def _held(answers: Sequence[tuple[int, ProviderPayment]]) -> Holdings:
    held = {attempt for attempt, there in answers if there.state is ProviderState.AUTHORIZED}
    return Holdings(
        tuple(sorted(held)),
        captured=sum(there.captured for _, there in answers),
        refunded=sum(there.refunded for _, there in answers),
    )


def _parcel(status: ShipmentStatus | None) -> str:
    """One that was cancelled, and one that never was, are as good as none."""
    return "none" if status is None else _PARCEL.get(status, "none")
