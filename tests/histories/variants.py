"""Change workflows as they must not change while orders are in progress: a replay must notice."""

from __future__ import annotations

from temporalio import workflow

from activities.interface import OrderActivities
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.types import OrderWorkflowInput, PaymentWorkflowInput, PaymentWorkflowResult


@workflow.defn(name="OrderWorkflow")
class OneMoreStep(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        return await super().run(order)

    async def _pass_pivot(self) -> None:
        await self._saga.run_local(OrderActivities.reserve, plan.RESERVE)
        await super()._pass_pivot()


@workflow.defn(name="OrderWorkflow")
class StepsSwapped(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        return await super().run(order)

    async def _forward(self) -> None:
        await self._saga.step(plan.CREATE_SHIPMENT, self._shipment.create)
        await super()._forward()


@workflow.defn(name="OrderWorkflow")
class OneUndoLess(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)
        self._saga.undo_with({plan.GIVE_BACK: self._do_nothing})

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        return await super().run(order)

    async def _do_nothing(self) -> bool:
        return True


@workflow.defn(name="PaymentWorkflow")
class OneLookLess(PaymentWorkflow):
    @workflow.init
    def __init__(self, payment: PaymentWorkflowInput) -> None:
        super().__init__(payment)

    @workflow.run
    async def run(self, payment: PaymentWorkflowInput) -> PaymentWorkflowResult:
        return await super().run(payment)

    async def _look_up(self) -> None:
        self._is_notified = False
