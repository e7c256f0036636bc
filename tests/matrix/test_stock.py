"""Kill the worker while a product is attended to: no order misses its stock, and none its alarm.

Some cases run always, and all of them with FULL=1.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import uuid4

import pytest

from benchmarks.saga.driver import OPERATOR_ACTOR, key_use
from domain.command import Command
from domain.ids import command_workflow_id
from domain.inventory.commands import AdjustmentReason, AdjustStock, ReceiveStock
from domain.inventory.state import InventoryState
from orchestrator.translation import OutcomeUnknown
from tests.matrix.script import Act, Phase, Script
from tests.matrix.worker import kept_alive
from tests.matrix.world import World
from tests.support.gates import Gates
from tests.support.sagas import Sagas, an_order

T = TypeVar("T")

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Stage:
    world: World
    sagas: Sagas

    async def execute(self, command: Command, killed_in: Kill) -> None:
        """Run the command, and kill the worker in its activity or in the one that follows."""
        key = key_use(command.command_type)
        workflow_id = command_workflow_id(command.command_type, key.id)
        is_of_command = killed_in.activity == "run_command"
        self.kill(
            workflow_id.partition("-")[2] if is_of_command else command.aggregate_id, killed_in
        )
        execute = self.sagas.orchestrator.execute
        await answered(lambda: execute(command, key=key, actor=OPERATOR_ACTOR))

    def kill(self, name: str, killed_in: Kill) -> None:
        """Kill the worker in an activity of the workflow whose id ends in this name."""
        self.world.scripts.write(name, Script(killed_in.activity, killed_in.phase, Act.KILL))

    async def stocked(self, pieces: int) -> str:
        sku = f"sku-{uuid4()}"
        await self.world.offer(sku, pieces)
        return sku

    async def placed(self, sku: str, *, backorder: bool = False) -> str:
        order = an_order((sku, 2), backorder=backorder)
        return await answered(lambda: self.sagas.place(order))

    async def waiting(self, sku: str, count: int = 2) -> list[str]:
        """Place orders of two pieces that wait."""
        orders = [await self.placed(sku, backorder=True) for _ in range(count)]
        await self.sagas.until(f"inventory-{sku}", "BackorderQueued", times=count)
        return orders

    async def holding(self, sku: str) -> str:
        """Place an order of two pieces that are reserved and whose parcel is booked."""
        order_id = await self.placed(sku)
        await self.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
        return order_id


@dataclass(frozen=True)
class Kill:
    activity: str
    phase: Phase

    def __str__(self) -> str:
        return f"{self.activity} {self.phase}"


async def _receipt(stage: Stage, kill: Kill) -> None:
    sku = await stage.stocked(1)
    orders = await stage.waiting(sku)
    await stage.execute(ReceiveStock(aggregate_id=sku, quantity=3), kill)
    for order_id in orders:
        await stage.world.until_logged(f"order-{order_id}", "OrderReserved")
    held = dict.fromkeys(orders, 2)
    assert await stage.sagas.inventory(sku) == InventoryState(received=4, reservations=held)


async def _release(stage: Stage, kill: Kill) -> None:
    sku = await stage.stocked(2)
    holder = await stage.holding(sku)
    [waiting] = await stage.waiting(sku, 1)
    stage.kill(holder, kill)
    await answered(lambda: stage.sagas.cancel(holder, key="once"))
    await stage.world.until_logged(f"order-{waiting}", "OrderReserved")
    assert await stage.sagas.end(holder) == "CANCELLED"
    held = {waiting: 2}
    assert await stage.sagas.inventory(sku) == InventoryState(received=2, reservations=held)


async def _loss(stage: Stage, kill: Kill) -> None:
    sku = await stage.stocked(2)
    order_id = await stage.holding(sku)
    loss = AdjustStock(aggregate_id=sku, difference=-1, reason=AdjustmentReason.LOST)
    await stage.execute(loss, kill)
    await stage.world.until_logged(f"saga-{order_id}", "DiscrepancyFound")
    assert await stage.sagas.events(f"saga-{order_id}") == ["DiscrepancyFound"]
    held = {order_id: 2}
    assert await stage.sagas.inventory(sku) == InventoryState(
        received=2, adjusted=-1, reservations=held
    )


async def answered(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat the call under its key, as a person does, until another worker answers it."""
    while True:
        with contextlib.suppress(OutcomeUnknown):
            return await call()


BEFORE, DURING, AFTER = Phase.BEFORE, Phase.DURING, Phase.AFTER
CASES: Final[dict[Kill, Callable[[Stage, Kill], Awaitable[None]]]] = {
    **{Kill("run_command", phase): _receipt for phase in (BEFORE, DURING, AFTER)},
    **{Kill("orders_to_notify", phase): _receipt for phase in (BEFORE, AFTER)},
    **{Kill("changed_stock", phase): _release for phase in (BEFORE, AFTER)},
    **{Kill("compare_stock", phase): _loss for phase in (BEFORE, DURING, AFTER)},
}
ALWAYS: Final = (Kill("run_command", AFTER), Kill("orders_to_notify", AFTER))


def cases() -> list[Kill]:
    return [*CASES] if os.environ.get("FULL") else [*ALWAYS]


@pytest.mark.parametrize("kill", cases(), ids=str)
async def test_a_killed_worker_loses_no_order_that_its_stock_concerns(
    world: World, kill: Kill
) -> None:
    queue = f"stock-{uuid4()}"
    sagas = Sagas(world.client, queue, world.store, world.payments, world.carrier, {}, Gates())
    async with kept_alive(world.processes, world.surroundings, queue):
        await CASES[kill](Stage(world, sagas), kill)
