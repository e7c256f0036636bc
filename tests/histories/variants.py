"""Workflows changed as they must not be while orders are under way: a replay has to notice."""

from __future__ import annotations

from temporalio import workflow

from activities.interface import OrderActivities
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.types import OrderWorkflowInput, PaymentResult, PaymentWorkflowInput


@workflow.defn(name="OrderWorkflow")
class OneMoreStep(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        return await super().run(order)

    async def _authorize(self) -> None:
        await self._on_order(OrderActivities.reserve)
        await super()._authorize()


@workflow.defn(name="OrderWorkflow")
class StepsSwapped(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        return await super().run(order)

    async def _forward(self) -> None:
        await self._saga.step(plan.CREATE_SHIPMENT, self._create_shipment)
        await super()._forward()


@workflow.defn(name="OrderWorkflow")
class OneUndoLess(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        return await super().run(order)

    async def _give_back(self) -> bool:
        return True


@workflow.defn(name="PaymentWorkflow")
class OneLookLess(PaymentWorkflow):
    @workflow.init
    def __init__(self, payment: PaymentWorkflowInput) -> None:
        super().__init__(payment)

    @workflow.run
    async def run(self, payment: PaymentWorkflowInput) -> PaymentResult:
        return await super().run(payment)

    async def _look_up(self) -> None:
        self._news = False
