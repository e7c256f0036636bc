"""The stock of an order: reserved, waited for as a backorder, or released."""

from __future__ import annotations

from datetime import datetime

from temporalio.exceptions import FailureError

from activities.interface import OrderActivities
from activities.types.order import RejectInput
from domain.errors import ErrorCode
from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows.changed_stock import attend_to_stock_of
from workflows.failure import refusal_of
from workflows.saga import CompensationRequested, SagaRunner


class OrderStock:
    def __init__(self, saga: SagaRunner, *, is_restored: bool) -> None:
        self._saga = saga
        self._is_restored = is_restored
        self._is_notified = False

    def notify_received(self) -> None:
        """Record that stock the order waits for may have arrived."""
        self._is_notified = True

    async def reserve(self) -> None:
        """Reserve every line. A short line rejects the order, or makes it wait as a backorder."""
        closes_at = self._saga.closes_at(plan.RESERVE)
        is_queued = is_over = False
        while (short := await self._reserve_or_short_sku()) is not None:
            if not is_queued and await self._backorder():
                is_queued = True
                continue  # stock that arrived before the order was queued has notified no order
            if not is_queued or is_over:
                reason = await self._reject(short, has_waited=is_queued)
                if reason is None:
                    break
                raise CompensationRequested(reason)
            await self._saga.new_run.begin_if_long()
            # A notification may be lost with Temporal's database, so a last attempt is made here.
            is_over = not await self._is_notified_before(closes_at)
        self._saga.reached(OrderStatus.RESERVED)

    async def release(self) -> bool:
        await self._saga.run_local(OrderActivities.release, plan.RELEASE)
        await attend_to_stock_of(self._saga.order_id)
        return True

    async def _reserve_or_short_sku(self) -> str | None:
        """Reserve the stock; return the SKU that is short, or None."""
        try:
            await self._saga.run_local(OrderActivities.reserve, plan.RESERVE)
        except FailureError as error:
            refusal = refusal_of(error)
            if refusal is None or refusal.type != ErrorCode.OUT_OF_STOCK:
                raise
            return str(refusal.details[0][0])
        return None

    async def _backorder(self) -> bool:
        return await self._saga.run_local(OrderActivities.backorder, plan.RESERVE)

    async def _is_notified_before(self, closes_at: datetime) -> bool:
        is_notified = await self._saga.wait_until(closes_at, lambda: self._is_notified)
        self._is_notified = False
        return is_notified

    async def _reject(self, sku: str, *, has_waited: bool) -> Reason | None:
        """Reject the order; return the reason of a cancellation that came first, if there is one.

        Return None for an order that an earlier run of the saga has reserved meanwhile. An order
        that was restored is cancelled instead: its money may be held or captured.
        """
        if self._is_restored:
            return Reason.OPERATOR_REQUEST
        progress = await self._saga.run_local_with(
            OrderActivities.reject, RejectInput(self._saga.order_id, sku), plan.RESERVE
        )
        if progress.has_reached(OrderStatus.RESERVED):
            return None
        if has_waited:  # pieces of other lines may have been kept for this order
            await attend_to_stock_of(self._saga.order_id)
        return progress.reason or Reason.OPERATOR_REQUEST
