"""One order on its way through one case, with what meets it there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.service import RPCError

from activities.types import CancellationAnswer, RequestCancel
from domain.order.commands import CancellationReason
from domain.order.decide import ORDER
from domain.order.state import FINAL, OrderState
from domain.saga.decide import SAGA
from domain.saga.state import SagaState
from tests.matrix.cases import Case, Fault
from tests.matrix.people import People
from tests.matrix.script import Act
from tests.matrix.worker import kept_alive
from tests.matrix.world import POLL_SECONDS, World, settled, until
from workflows.order import OrderWorkflow

MOST_SECONDS: Final = 100
MOST_PARKINGS: Final = 6


class LeftBehind(Exception):
    """The order came neither to an end nor to a person."""


class Journey:
    def __init__(self, world: World, case: Case) -> None:
        self.world = world
        self.case = case
        self.people = People(world, case)
        self.id = self.people.id
        self.was_cancelled = False
        """Its customer was told so by the case."""
        self.parkings = 0

    @property
    def workflow_ids(self) -> tuple[str, ...]:
        return tuple(f"{kind}-{self.id}" for kind in ("order", "payment", "return"))

    async def travel(self) -> None:
        """Until the order has ended. Raises LeftBehind."""
        scenario, world = self.case.point.scenario, self.world
        await world.offer(self.people.sku, scenario.in_stock)
        world.scripts.write(self.id, self.case.script)
        async with AsyncExitStack() as stack:
            if self.case.fault is Fault.KILLED:
                worker = kept_alive(world.processes, world.surroundings, self.people.queue)
                await stack.enter_async_context(worker)
            if scenario.refused:
                fault = world.payments.failing(self.id, scenario.refused, "refuse")
                stack.enter_context(fault)
            await stack.enter_async_context(self._meanwhile())
            try:
                async with asyncio.timeout(MOST_SECONDS):
                    await self._to_its_end()
            except TimeoutError:
                raise LeftBehind(f"not at its end after {MOST_SECONDS} s") from None

    @asynccontextmanager
    async def _meanwhile(self) -> AsyncIterator[None]:
        people = self.people
        acts = [people.places(), people.pass_on_news(), self.case.point.scenario.play(people)]
        if self.case.script.act is Act.GATE:
            acts.append(self._interfere())
        tasks = [asyncio.ensure_future(act) for act in acts]
        try:
            yield
        finally:
            await settled(*tasks)

    async def _to_its_end(self) -> None:
        while True:
            saga = await self.saga_state()
            self.parkings = saga.parkings
            if saga.parkings > MOST_PARKINGS:
                raise LeftBehind(f"parked {saga.parkings} times")
            if saga.parked:
                await self.people.mend_and_decide(saga)
            elif (await self.order_state()).status in FINAL and not await self._runs():
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _runs(self) -> bool:
        return any([await self.world.is_running(name) for name in self.workflow_ids])

    async def order_state(self) -> OrderState:
        return await self.world.state(ORDER, self.id)

    async def saga_state(self) -> SagaState:
        return await self.world.state(SAGA, self.id)

    # What meets it at the gate.

    async def _interfere(self) -> None:
        scripts = self.world.scripts
        await until(lambda: scripts.has_sprung(self.id))
        match self.case.fault:
            case Fault.TERMINATED:
                await self._terminate()
                scripts.open(self.id)
            case Fault.TEMPORAL_CANCELLED:
                await self._order.cancel()
                scripts.open(self.id)
            case Fault.CANCELLED:
                await self._cancel()

    async def _terminate(self) -> None:
        """The one that is at the gate; and where it is an order's, another takes its place."""
        workflow_id = f"{self.case.point.runs_in}-{self.id}"
        await self.world.client.get_workflow_handle(workflow_id).terminate("by the matrix")
        if (await self.order_state()).status is not None and workflow_id.startswith("order-"):
            await self.people.take_up()

    async def _cancel(self) -> None:
        """The gate opens once the workflow knows; a local activity's, once it has been asked."""
        request = RequestCancel(self.id, CancellationReason.CUSTOMER_REQUEST, "customer:gate")
        asked = asyncio.create_task(
            self._order.start_update(
                OrderWorkflow.cancel, request, wait_for_stage=WorkflowUpdateStage.ACCEPTED
            )
        )
        if self.case.point.asked is None:
            await asyncio.sleep(0)
            self.world.scripts.open(self.id)
        try:
            update = await asked
            self.world.scripts.open(self.id)
            answer: CancellationAnswer = await update.result()
        except (WorkflowUpdateFailedError, RPCError):
            self.world.scripts.open(self.id)
        else:
            self.was_cancelled = answer.status == "CANCELLING"

    @property
    def _order(self) -> WorkflowHandle[Any, Any]:
        return self.world.client.get_workflow_handle(f"order-{self.id}")
