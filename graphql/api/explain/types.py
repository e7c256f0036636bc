"""An order that explains itself, as GraphQL shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.explain.entries import TimelineEntry, entry_of
from api.money import Money
from api.payload import POSITION_NUMBER
from api.scalars import Long, Position
from domain import money
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from queries.explain.explanation import OrderExplanation as Explained
from queries.explain.money import AttemptMoney, OrderMoney
from queries.explain.stock import LineStock
from queries.explain.waits import ExplainedWait as Wait
from queries.explain.waits import WaitsFor
from queries.explain.workflows import WorkflowRun
from queries.saga_history import ParkingView
from queries.saga_ledger import SagaView

strawberry.enum(WaitsFor, name="ExplainedWaitsFor")


@strawberry.type(description="What the order waits for now.")
class ExplainedWait:
    waits_for: WaitsFor
    since: datetime
    until: datetime | None = strawberry.field(description="The deadline, if there is one.")
    text: str = strawberry.field(description="One line for people.")

    @classmethod
    def of(cls, wait: Wait) -> Self:
        return cls(waits_for=wait.waits_for, since=wait.since, until=wait.until, text=wait.text)


@strawberry.type(description="A Temporal workflow that has recorded something of the order.")
class ExplainedWorkflow:
    workflow_id: str
    status: str = strawberry.field(
        description="The status of its last run as Temporal calls it, such as RUNNING or "
        "COMPLETED. NOT_FOUND if Temporal has no such workflow. UNKNOWN if Temporal did not "
        "answer within a second."
    )
    url: str | None = strawberry.field(
        description="Its page in Temporal's Web UI, if WAYBILL_TEMPORAL_UI_ORIGIN is set."
    )

    @classmethod
    def of(cls, run: WorkflowRun) -> Self:
        return cls(workflow_id=run.workflow_id, status=run.status, url=run.url)


@strawberry.type(description="The money of one attempt to pay.")
class ExplainedAttempt:
    number: int
    status: PaymentStatus
    amount: Money
    authorized: Money = strawberry.field(
        description="What the provider holds: neither captured nor released."
    )
    captured: Money
    refunded: Money
    reference: str | None = strawberry.field(description="The provider's id of the attempt.")
    decline_code: str | None

    @classmethod
    def of(cls, attempt: AttemptMoney) -> Self:
        currency = attempt.amount.currency
        return cls(
            number=attempt.number,
            status=attempt.status,
            amount=_money(attempt.amount.amount, currency),
            authorized=_money(attempt.authorized, currency),
            captured=_money(attempt.captured, currency),
            refunded=_money(attempt.refunded, currency),
            reference=attempt.reference,
            decline_code=attempt.decline_code,
        )


@strawberry.type(description="Where the money of the order is.")
class ExplainedMoney:
    total: Money
    authorized: Money = strawberry.field(
        description="What the provider holds: neither captured nor released."
    )
    captured: Money = strawberry.field(description="The sum of the captures.")
    refunded: Money = strawberry.field(description="The sum of the refunds of what was captured.")
    attempts: list[ExplainedAttempt]

    @classmethod
    def of(cls, found: OrderMoney) -> Self:
        return cls(
            total=_money(found.total, found.currency),
            authorized=_money(found.authorized, found.currency),
            captured=_money(found.captured, found.currency),
            refunded=_money(found.refunded, found.currency),
            attempts=[ExplainedAttempt.of(attempt) for attempt in found.attempts],
        )


@strawberry.type(description="Where the pieces of one line are.")
class ExplainedStock:
    sku: str
    quantity: int = strawberry.field(description="The pieces that were ordered.")
    backordered: int = strawberry.field(description="The pieces that the order waits for.")
    reserved: int
    shipped: int = strawberry.field(description="The pieces that left and have not come back.")
    returned: int

    @classmethod
    def of(cls, line: LineStock) -> Self:
        return cls(
            sku=line.sku,
            quantity=line.quantity,
            backordered=line.backordered,
            reserved=line.reserved,
            shipped=line.shipped,
            returned=line.returned,
        )


@strawberry.type(description="A step that has failed for good and waits for an operator.")
class ExplainedParking:
    step: str
    is_undo: bool
    since: datetime
    code: str
    message: str
    number: int = strawberry.field(description="Counts the parkings of the saga, from 1.")

    @classmethod
    def all_of(cls, saga: SagaView) -> list[Self]:
        undos = {step.undo.name for step in saga.steps if step.undo is not None}
        return [
            cls._of(name, parking, is_undo=name in undos) for name, parking in saga.parked.items()
        ]

    @classmethod
    def _of(cls, step: str, parking: ParkingView, *, is_undo: bool) -> Self:
        return cls(
            step=step,
            is_undo=is_undo,
            since=parking.since,
            code=parking.code,
            message=parking.message,
            number=parking.number,
        )


@strawberry.type(description="What has happened to an order, without personal data.")
class OrderExplanation:
    order_id: strawberry.ID
    number: str
    status: OrderStatus
    waits_for: list[ExplainedWait]
    parked: list[ExplainedParking]
    workflows: list[ExplainedWorkflow]
    trace_ids: list[str] = strawberry.field(
        description="Each trace that has recorded an event of the order, the oldest first."
    )
    money: ExplainedMoney
    stock: list[ExplainedStock]
    timeline: list[TimelineEntry] = strawberry.field(
        description="By time, the oldest first; at most 1,000 entries."
    )
    is_cut: bool = strawberry.field(description="The timeline has more entries than are shown.")
    continue_after: Position = strawberry.field(
        description="The position of the last event shown. If the timeline was cut, read on with "
        "`events` after it, one stream at a time."
    )
    position: Position = strawberry.field(description="The position of the order's last event.")

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long:
        return Long(self.position)

    @strawberry.field(description="The ids of `workflows`.")
    def workflow_ids(self) -> list[str]:
        return [each.workflow_id for each in self.workflows]

    @classmethod
    def of(cls, found: Explained) -> Self:
        return cls(
            order_id=strawberry.ID(found.order.id),
            number=found.order.number,
            status=found.order.status,
            waits_for=[ExplainedWait.of(wait) for wait in found.waits],
            parked=ExplainedParking.all_of(found.saga),
            workflows=[ExplainedWorkflow.of(run) for run in found.workflows],
            trace_ids=list(found.trace_ids),
            money=ExplainedMoney.of(found.money),
            stock=[ExplainedStock.of(line) for line in found.stock],
            timeline=[entry_of(entry) for entry in found.timeline],
            is_cut=found.is_cut,
            continue_after=Position(found.continue_after),
            position=Position(found.position),
        )


def _money(amount: int, currency: str) -> Money:
    return Money.of(money.Money.model_construct(amount=amount, currency=currency))
