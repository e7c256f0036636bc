"""Changes of the order and of its stock."""

from __future__ import annotations

from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.types import (
    CancellationAnswer,
    Place,
    Recorded,
    Reject,
    RequestCancel,
    RunCommand,
)
from domain.catalogue.commands import ListProduct
from domain.command import Command
from domain.customer.commands import EraseCustomer
from domain.inventory.commands import CommitStock, ReceiveStock, ReleaseStock, ReserveStock
from domain.order import commands as c
from domain.order.decide import ORDER
from domain.order.lines import OrderLine
from domain.order.state import OrderStatus
from domain.shipping.commands import RecordDelivery, RecordDispatch

PUBLIC_COMMANDS: Final[dict[str, type[Command]]] = {
    command.__name__: command for command in (EraseCustomer, ListProduct, ReceiveStock)
}
"""Commands that stand alone: no saga has to follow them."""


class OrderActivities(interface.OrderActivities):
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    @activity.defn
    async def place(self, place: Place) -> Recorded:
        order_id = place.command.aggregate_id
        step = Step.current("place", order_id, place.actor)
        return Recorded(await self._handler.handle(step, place.command))

    @activity.defn
    async def reserve(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("reserve", order_id),
            c.MarkReserved(aggregate_id=order_id),
            *(
                ReserveStock(aggregate_id=line.sku, order_id=order_id, quantity=line.quantity)
                for line in await self._lines(order_id)
            ),
        )

    @activity.defn
    async def release(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("release", order_id),
            *(
                ReleaseStock(aggregate_id=line.sku, order_id=order_id)
                for line in await self._lines(order_id)
            ),
        )

    @activity.defn
    async def reject(self, reject: Reject) -> None:
        await self._handler.handle(
            Step.current("reject", reject.order_id),
            c.RejectOrder(
                aggregate_id=reject.order_id,
                reason=c.RejectionReason.OUT_OF_STOCK,
                sku=reject.sku,
            ),
        )

    @activity.defn
    async def request_cancellation(self, request: RequestCancel) -> CancellationAnswer:
        order_id = request.order_id
        position = await self._handler.handle(
            Step.current("request_cancellation", order_id, request.actor),
            c.RequestCancellation(aggregate_id=order_id, reason=request.reason),
        )
        status = (await self._handler.load(ORDER, order_id)).status
        return CancellationAnswer(status or OrderStatus.CANCELLING, position)

    @activity.defn
    async def withdraw_cancellation(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("withdraw_cancellation", order_id),
            c.WithdrawCancellation(aggregate_id=order_id),
        )

    @activity.defn
    async def cancel(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("cancel", order_id), c.CancelOrder(aggregate_id=order_id)
        )

    @activity.defn
    async def dispatch(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("dispatch", order_id),
            c.MarkShipped(aggregate_id=order_id),
            RecordDispatch(aggregate_id=order_id),
            *(
                CommitStock(aggregate_id=line.sku, order_id=order_id)
                for line in await self._lines(order_id)
            ),
        )

    @activity.defn
    async def deliver(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("deliver", order_id),
            c.MarkDelivered(aggregate_id=order_id),
            RecordDelivery(aggregate_id=order_id),
        )

    @activity.defn
    async def complete(self, order_id: str) -> None:
        await self._handler.handle(
            Step.current("complete", order_id), c.CompleteOrder(aggregate_id=order_id)
        )

    @activity.defn
    async def run_command(self, run: RunCommand) -> Recorded:
        command = PUBLIC_COMMANDS[run.command_type].model_validate_json(run.command_json)
        step = Step.current("run", command.aggregate_id, run.actor)
        return Recorded(await self._handler.handle(step, command))

    async def _lines(self, order_id: str) -> tuple[OrderLine, ...]:
        return (await self._handler.load(ORDER, order_id)).lines
