"""Draw the events of some orders by random commands, at random times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.inventory import commands as inventory
from domain.money import Money
from domain.order import commands as order
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.lines import Address, ReturnedLine
from domain.order.price import Price
from domain.payment import commands as payment
from domain.registry import aggregate_of
from eventstore.envelope import StoredEvent
from tests.support.analytics import stored
from tests.support.order_parts import PLACED_AT, PROMISES, a_line

SEED, PASSES = 29, 3
"""Of these passes over all commands, each type of event comes out at least once."""
ORDERS = {"a": "EUR", "b": "EUR", "c": "USD", "d": "JPY"}
CLOCK_CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Europe/Zurich
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Australia/Lord_Howe, by half an hour
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
)


def place(id_: str, currency: str) -> Command:
    lines = [
        a_line("cup", quantity=2, unit_price=450 + 7 * ord(id_), discount=91, tax=154),
        a_line(f"pot-{id_}", quantity=1, unit_price=2_100, discount=209, tax=359),
    ]
    return order.PlaceOrder(
        aggregate_id=id_,
        customer_id=f"customer-of-{id_}",
        lines=tuple(lines),
        price=Price.of(lines, currency, shipping=490, shipping_tax=93),
        payment_method="pm_card_visa",
        shipping_address=Address(
            name="Ada", street="1 Sample Street", city="Testham", postal_code="1", country="GB"
        ),
        fingerprint="fingerprint",
        promises=PROMISES,
    )


def commands_of(id_: str, currency: str) -> Sequence[Command]:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=currency)

    forward: list[Command] = [
        order.MarkReserved(aggregate_id=id_),
        order.MarkAuthorized(aggregate_id=id_),
        order.ConfirmOrder(aggregate_id=id_),
        order.MarkShipped(aggregate_id=id_),
        order.MarkDelivered(aggregate_id=id_),
    ]
    half = (ReturnedLine(sku="cup", quantity=1),)
    return [
        *[place(id_, currency), *forward] * 6,
        order.CompleteOrder(aggregate_id=id_),
        order.RejectOrder(aggregate_id=id_, reason=RejectionReason.OUT_OF_STOCK, sku="cup"),
        *[
            order.RequestCancellation(aggregate_id=id_, reason=reason, after_dispatch=True)
            for reason in (CancellationReason.CUSTOMER_REQUEST, CancellationReason.PARCEL_LOST)
        ],
        *[order.WithdrawCancellation(aggregate_id=id_), order.CancelOrder(aggregate_id=id_)] * 3,
        *[
            order.RequestReturn(aggregate_id=id_),
            order.LapseReturn(aggregate_id=id_),
            order.RequestReturn(aggregate_id=id_, lines=half),
            order.FinishReturn(aggregate_id=id_, refunded=0),
        ]
        * 3,
        *[
            payment.RequestPayment(
                aggregate_id=id_, attempt=attempt, amount=money(900), method="pm_card_visa"
            )
            for attempt in (1, 2, 3)
        ],
        *[
            payment.RecordDecline(aggregate_id=id_, attempt=attempt, reference="pi", code=code)
            for attempt, code in ((1, "expired_card"), (2, "fraudulent"))
        ],
        *[
            payment.RecordAuthorization(aggregate_id=id_, attempt=attempt, reference="pi")
            for attempt in (1, 3)
        ],
        *[payment.RecordCapture(aggregate_id=id_, amount=money(900))] * 4,
        *[
            payment.RecordRefund(aggregate_id=id_, purpose="refund", given=money(n))
            for n in (200, 800)
        ],
        payment.RecordRefundFailure(aggregate_id=id_, purpose="refund", remains=money(100)),
        *[
            payment.RecordRefundsElsewhere(aggregate_id=id_, refunds=listed)
            for listed in ({"re_1": 50, "re_2": 25}, {"re_2": 25})
        ],
    ]


def stock_of(sku: str) -> Sequence[Command]:
    return [
        inventory.ReceiveStock(aggregate_id=sku, quantity=1),
        *[
            command
            for id_ in ORDERS
            for command in (
                inventory.QueueBackorder(
                    aggregate_id=sku, order_id=id_, quantity=2, since=PLACED_AT
                ),
                inventory.ReserveStock(aggregate_id=sku, order_id=id_, quantity=2),
                inventory.ReleaseStock(aggregate_id=sku, order_id=id_),
            )
        ],
    ]


COMMANDS = [
    *(command for id_, currency in ORDERS.items() for command in commands_of(id_, currency)),
    *stock_of("cup"),
    *stock_of("pot"),
]


class Streams:
    """The aggregates in memory."""

    def __init__(self) -> None:
        self._states: dict[str, Any] = {}
        self._types: set[type[Event]] = set()

    def run_next(self, first: int, *, only_new: bool) -> Sequence[Event]:
        """Run the first command from this one on that is not refused.

        With `only_new` its events have a type that is new, if any command has such.
        """
        possible = (
            (command, events)
            for command in (*COMMANDS[first:], *COMMANDS[:first])
            if (events := self._decide(command))
        )
        fallback = None
        for command, events in possible:
            fallback = fallback or (command, events)
            if not only_new or not self._types.issuperset(map(type, events)):
                return self._record(command, events)
        return [] if fallback is None else self._record(*fallback)

    def run(self, command: Command) -> Sequence[Event]:
        """Run the command; return nothing if it is refused."""
        return self._record(command, events) if (events := self._decide(command)) else []

    def _decide(self, command: Command) -> Sequence[Event]:
        aggregate = aggregate_of(command)
        stream = aggregate.stream(command.aggregate_id)
        try:
            return aggregate.decide(command, self._states.get(stream, aggregate.initial))
        except Refused:
            return []

    def _record(self, command: Command, events: Sequence[Event]) -> Sequence[Event]:
        aggregate = aggregate_of(command)
        stream = aggregate.stream(command.aggregate_id)
        self._states[stream] = aggregate.fold(events, self._states.get(stream))
        self._types.update(map(type, events))
        return events


STEPS = st.sampled_from(
    [
        timedelta(0),
        timedelta(microseconds=250),
        timedelta(seconds=1),
        timedelta(minutes=9),
        timedelta(minutes=-20),
        timedelta(hours=5),
        timedelta(days=2),
    ]
)
"""The time from one event to the next. An event may be late: recorded before the one before it."""


@st.composite
def logs(draw: st.DrawFn) -> Sequence[StoredEvent]:
    at = draw(st.sampled_from(CLOCK_CHANGES)) - timedelta(minutes=draw(st.integers(0, 4_000)))
    streams, log, position = Streams(), [], 0
    choices = st.tuples(st.integers(0, len(COMMANDS) - 1), st.booleans())
    for first, only_new in draw(st.lists(choices, min_size=60, max_size=160)):
        for event in streams.run_next(first, only_new=only_new):
            at += draw(STEPS)
            position += draw(st.integers(1, 3))
            log.append(stored(event, position, at))
    return log


def with_every_type() -> Sequence[StoredEvent]:
    """Return a log with each type of event that the commands can give, a minute apart."""
    streams, in_any_order = Streams(), Random(SEED)  # noqa: S311 - the same in each run
    log: list[StoredEvent] = []
    for _ in range(PASSES):
        for command in in_any_order.sample(COMMANDS, len(COMMANDS)):
            for event in streams.run(command):
                at = CLOCK_CHANGES[0] + timedelta(minutes=len(log))
                log.append(stored(event, len(log) + 1, at))
    return log
