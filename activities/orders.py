"""Changes of the order and of its stock."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Run, Step
from activities.keyed import handle_once
from activities.payments.order_refunds import request_refund
from activities.placing import place_order, reservation
from activities.saga import load_progress
from activities.tracking import tracking_commands
from activities.types.command import Refusal, RunCommandInput, RunCommandResult
from activities.types.order import (
    CancellationInput,
    CancellationResult,
    OrderProgress,
    PlaceInput,
    RecordedResult,
    RejectInput,
    ReturnRequestInput,
)
from activities.types.shipping import ParcelInput
from activities.types.stock import ChangedStockResult
from domain.command import Command
from domain.customer.commands import EraseCustomer
from domain.errors import Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.inventory.commands import (
    AdjustStock,
    QueueBackorder,
    ReceiveStock,
    ReleaseStock,
    ReturnStock,
)
from domain.note.commands import AddOrderNote
from domain.order import commands as c
from domain.order.decide import ORDER
from domain.order.lines import OrderLine
from domain.order.state import OrderState, OrderStatus
from domain.payment.decide import PAYMENT
from domain.product.commands import ChangePrice, DiscontinueProduct, ListProduct
from domain.saga.commands import AcceptDiscrepancy
from domain.saga.plan import REFUND
from domain.shipping.commands import RecordDelivery, RecordGoodsBack

TOGETHER_SECONDS: Final = 2.0
"""The time that a placement waits for the stock of its products."""

DIRECT_COMMANDS: Final[dict[str, type[Command]]] = {
    command.__name__: command
    for command in (
        AcceptDiscrepancy,
        AddOrderNote,
        AdjustStock,
        ChangePrice,
        DiscontinueProduct,
        EraseCustomer,
        ListProduct,
        ReceiveStock,
        c.RequestRefund,
    )
}
"""Commands that run without a saga."""


class OrderActivitiesImpl(interface.OrderActivities):
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    @activity.defn
    async def place(self, place: PlaceInput) -> OrderProgress:
        order_id = place.command.aggregate_id
        step = Step.current("place", order_id, place.actor)
        lines = reservation(order_id, place.command.lines)
        following = Run(Step.current("reserve", order_id), lines)
        try:
            async with asyncio.timeout(TOGETHER_SECONDS):
                placed = await place_order(self._handler, step, place.command, following)
        except TimeoutError:  # another writer holds the stock: the step reserve waits for it
            placed = await place_order(self._handler, step, place.command)
        return replace(await load_progress(self._handler, order_id), is_new=placed.is_first)

    @activity.defn
    async def reserve(self, order_id: str) -> None:
        order = await self._handler.load(ORDER, order_id)
        if order.has_reached(OrderStatus.RESERVED):
            return  # the reserved stock may have been sent since
        await self._handler.handle(
            Step.current("reserve", order_id), *reservation(order_id, order.lines)
        )

    @activity.defn
    async def backorder(self, order_id: str) -> bool:
        [found] = await self._handler.read((ORDER, order_id))
        order: OrderState = found.state
        if not order.backorder or order.status is not OrderStatus.PLACED:
            return False
        since = found.stored[0].recorded_at
        for line in order.lines:  # separately: no step of another order waits for all of them
            await self._handler.handle(
                Step.current(f"reserve/backorder/{line.sku}", order_id),
                QueueBackorder(
                    aggregate_id=line.sku, order_id=order_id, quantity=line.quantity, since=since
                ),
            )
        return await self._may_wait(order_id)

    async def _may_wait(self, order_id: str) -> bool:
        """Return whether the order may wait; one that has ended or compensates may not.

        Its undo has run before this, so what it has just queued is released here.
        """
        order = await self._handler.load(ORDER, order_id)
        if order.status is OrderStatus.PLACED:
            return True
        if order.has_shipped or not order.has_reached(OrderStatus.RESERVED):
            for release in await self._releases(order_id):
                key = f"reserve/backorder/{release.aggregate_id}/late"
                await self._handler.handle(Step.current(key, order_id), release)
        return False

    @activity.defn
    async def release(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("release", order_id), *await self._releases(order_id)
        )

    @activity.defn
    async def reject(self, reject: RejectInput) -> OrderProgress:
        with contextlib.suppress(Refused):  # another outcome came first, and is the answer
            await self._handler.handle(
                Step.current("reject", reject.order_id),
                c.RejectOrder(
                    aggregate_id=reject.order_id,
                    reason=c.RejectionReason.OUT_OF_STOCK,
                    sku=reject.sku,
                ),
                *await self._releases(reject.order_id),
            )
        return await load_progress(self._handler, reject.order_id)

    @activity.defn
    async def request_cancellation(self, request: CancellationInput) -> CancellationResult:
        order_id = request.order_id
        asked_before = (await self._handler.load(ORDER, order_id)).cancellations
        done = await handle_once(
            self._handler,
            Step.current(f"request_cancellation/{asked_before}", order_id, request.actor),
            request.key,
            c.RequestCancellation(
                aggregate_id=order_id,
                reason=request.reason,
                after_dispatch=request.after_dispatch,
            ),
        )
        status = (await self._handler.load(ORDER, order_id)).status
        return CancellationResult(status or OrderStatus.CANCELLING, done.position, done.call)

    @activity.defn
    async def start_compensation(self, request: CancellationInput) -> OrderProgress:
        with contextlib.suppress(Refused):  # too late: the actual progress is the answer
            await self.request_cancellation(request)
        return await load_progress(self._handler, request.order_id)

    @activity.defn
    async def withdraw_cancellation(self, order_id: str) -> None:
        asked = (await self._handler.load(ORDER, order_id)).cancellations
        await self._handler.handle(
            Step.current(f"withdraw_cancellation/{asked}", order_id),
            c.WithdrawCancellation(aggregate_id=order_id),
        )

    @activity.defn
    async def cancel(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("cancel", order_id), c.CancelOrder(aggregate_id=order_id)
        )

    @activity.defn
    async def deliver(self, parcel: ParcelInput) -> None:
        order_id = parcel.order_id
        if (await self._handler.load(ORDER, order_id)).has_reached(OrderStatus.DELIVERED):
            return  # a late attempt must not record the number that it was started with
        await self._handler.handle(
            Step.current("deliver", order_id),
            c.MarkDelivered(aggregate_id=order_id),
            *tracking_commands(order_id, parcel.tracking),
            RecordDelivery(aggregate_id=order_id),
        )

    @activity.defn
    async def complete(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("complete", order_id), c.CompleteOrder(aggregate_id=order_id)
        )

    @activity.defn
    async def request_return(self, request: ReturnRequestInput) -> RecordedResult:
        asked = (await self._handler.load(ORDER, request.order_id)).lapses
        key = f"request_return/{asked}" if asked else "request_return"
        step = Step.current(key, request.order_id, request.actor)
        command = c.RequestReturn(aggregate_id=request.order_id, lines=request.lines)
        done = await handle_once(self._handler, step, request.key, command)
        return RecordedResult(done.position, done.call)

    @activity.defn
    async def finish_return(self, order_id: str) -> None:
        returning = (await self._handler.load(ORDER, order_id)).returning
        if returning is None:
            return
        payment = await self._handler.load(PAYMENT, order_id)
        await self._handler.handle(
            Step.current("refund/settled", order_id),
            c.FinishReturn(aggregate_id=order_id, refunded=payment.refunds.get(REFUND.name, 0)),
            *(
                ReturnStock(aggregate_id=line.sku, order_id=order_id, quantity=line.quantity)
                for line in returning.lines
            ),
            RecordGoodsBack(aggregate_id=order_id),
        )

    @activity.defn
    async def lapse_return(self, order_id: str) -> None:
        lapses = (await self._handler.load(ORDER, order_id)).lapses
        key = f"lapse_return/{lapses}" if lapses else "lapse_return"
        await self._handler.handle(
            Step.current(key, order_id), c.LapseReturn(aggregate_id=order_id)
        )

    @activity.defn
    async def run_command(self, run: RunCommandInput) -> RunCommandResult:
        command = DIRECT_COMMANDS[run.command_type].model_validate_json(run.command_json)
        step = Step.current("run", command.aggregate_id, run.actor)
        try:
            done = await self._run(command, step, run.key)
        except Refused as refused:
            return RunCommandResult(refusal=Refusal.of(refused))
        recorded = RecordedResult(done.position, done.call)
        return RunCommandResult(recorded, changed_stock=_changed_stock(command))

    async def _run(self, command: Command, step: Step, key: KeyUse) -> KeyedResult:
        if isinstance(command, c.RequestRefund):
            return await request_refund(self._handler, step, key, command)
        return await handle_once(self._handler, step, key, command)

    async def _releases(self, order_id: str) -> list[ReleaseStock]:
        return [
            ReleaseStock(aggregate_id=line.sku, order_id=order_id)
            for line in await self._lines(order_id)
        ]

    async def _lines(self, order_id: str) -> tuple[OrderLine, ...]:
        return (await self._handler.load(ORDER, order_id)).lines


def _changed_stock(command: Command) -> ChangedStockResult:
    has_changed = isinstance(command, ReceiveStock | AdjustStock)
    return ChangedStockResult((command.aggregate_id,) if has_changed else ())
