"""Take one order through one case, with the fault that the case names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from domain.ids import aftercare_workflow_id
from domain.order.decide import ORDER
from domain.order.state import FINAL, OrderState
from domain.saga.decide import SAGA
from domain.saga.state import SagaState
from tests.matrix.actors import People
from tests.matrix.cases import Case, Fault
from tests.matrix.disturbance import Disturbance
from tests.matrix.worker import KeptWorker, kept_alive
from tests.matrix.world import POLL_SECONDS, World, settled, workflow_id

MAX_CASE_SECONDS: Final = 100
MAX_PARKINGS: Final = 6


class LeftBehind(Exception):
    """The order neither ended nor was parked for an operator."""


class Journey:
    def __init__(self, world: World, case: Case) -> None:
        self.world = world
        self.case = case
        self.people = People(world, case)
        self.id = self.people.id
        self.disturbance = Disturbance(world, case, self.people)
        self.parkings = 0

    @property
    def workflow_ids(self) -> tuple[str, ...]:
        return tuple(
            workflow_id(kind, self.id) for kind in ("order", "payment", "return", "refund")
        )

    async def travel(self) -> None:
        """Run the case until the order has ended. Raises LeftBehind."""
        scenario, world = self.case.point.scenario, self.world
        await world.offer(self.people.sku, scenario.in_stock)
        world.scripts.write(self.id, self.case.script)
        async with AsyncExitStack() as stack:
            worker = None
            if self.case.fault is Fault.KILLED:
                worker = await stack.enter_async_context(
                    kept_alive(world.processes, world.surroundings, self.people.queue)
                )
            if scenario.refused:
                fault = world.payments.failing(self.id, scenario.refused, "refuse")
                stack.enter_context(fault)
            await stack.enter_async_context(self._in_background(worker))
            try:
                async with asyncio.timeout(MAX_CASE_SECONDS):
                    await self._to_its_end()
            except TimeoutError:
                raise LeftBehind(f"not at its end after {MAX_CASE_SECONDS} s") from None

    @asynccontextmanager
    async def _in_background(self, worker: KeptWorker | None) -> AsyncIterator[None]:
        people = self.people
        acts = [
            people.places(),
            people.pass_on_notifications(),
            self.case.point.scenario.play(people),
        ]
        if self.case.is_disturbed:
            acts.append(self.disturbance.happen(worker))
        tasks = [asyncio.ensure_future(act) for act in acts]
        try:
            yield
        finally:
            await settled(*tasks)

    async def _to_its_end(self) -> None:
        while True:
            saga = await self.saga_state()
            self.parkings = saga.parkings
            if saga.parkings > MAX_PARKINGS:
                raise LeftBehind(f"parked {saga.parkings} times")
            if saga.parked and not self._is_parked_for_the_case:
                await self.people.mend_and_intervene(saga)
            elif (await self.order_state()).status in FINAL and not await self._is_in_progress():
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _is_in_progress(self) -> bool:
        has_begun = self.case.is_disturbed and self.world.scripts.has_sprung(self.id)
        if has_begun and not self.disturbance.is_over:
            return True
        names = (*self.workflow_ids, aftercare_workflow_id(self.id))
        return any([await self.world.is_running(name) for name in names])

    @property
    def _is_parked_for_the_case(self) -> bool:
        """Return whether the step is parked and the case has not disturbed it there yet."""
        return self.case.point.wait is not None and not self.world.scripts.is_open(self.id)

    async def order_state(self) -> OrderState:
        return await self.world.state(ORDER, self.id)

    async def saga_state(self) -> SagaState:
        return await self.world.state(SAGA, self.id)
