"""List a few products and receive their first stock, once: `python -m demo.catalogue`.

A second run changes nothing. It sends commands like any client, so it needs a running worker.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

from domain.command import Command
from domain.errors import Refused
from domain.inventory.commands import ReceiveStock
from domain.money import Money
from domain.product.commands import ListProduct
from kit.command import run_command
from orchestrator.saga_orchestrator import SagaOrchestrator, Unavailable
from settings import Settings, SettingsError, load_settings
from temporal.client import TemporalAway, connect, deadlines

ACTOR: Final = "operator:catalogue"


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    cents: int
    first_stock: int

    @property
    def commands(self) -> list[Command]:
        price = Money(amount=self.cents, currency="EUR")
        listed = ListProduct(aggregate_id=self.sku, name=self.name, price=price)
        if not self.first_stock:
            return [listed]
        return [listed, ReceiveStock(aggregate_id=self.sku, quantity=self.first_stock)]


PRODUCTS: Final = (
    Product("TEA-01", "Assam, loose leaf, 250 g", 1290, 400),
    Product("TEA-02", "Sencha, loose leaf, 100 g", 1650, 250),
    Product("MUG-01", "Mug, stoneware, 300 ml", 1800, 150),
    Product("POT-01", "Teapot, cast iron, 1.2 l", 6900, 60),
    Product("KET-01", "Kettle, gooseneck, 1 l", 8450, 40),
    Product("TIN-01", "Tea tin, 250 g", 950, 300),
    Product("CUP-02", "Tasting cups, set of two", 2400, 120),
    Product("NEW-01", "First flush of next spring, 50 g", 2900, 0),
    Product("RARE-01", "Da Hong Pao, 1998 harvest, 10 g", 24000, 1),
)


async def fill(orchestrator: SagaOrchestrator) -> None:
    """List every product and receive its first stock. Raises Refused or Unavailable."""
    commands = [command for product in PRODUCTS for command in product.commands]
    async with asyncio.TaskGroup() as group:
        for command in commands:
            group.create_task(_once(orchestrator, command))


async def _once(orchestrator: SagaOrchestrator, command: Command) -> None:
    # A changed product gives a different command, so it needs a different key.
    key = command.model_dump_json()
    await orchestrator.execute(command, idempotency_key=key, actor=ACTOR)


async def run(settings: Settings) -> None:
    client = await connect(settings)
    await fill(
        SagaOrchestrator(client, task_queue=settings.task_queue, deadlines=deadlines(settings))
    )


def main() -> int:
    faults: set[str] = set()
    try:
        asyncio.run(run(load_settings()))
    except* (SettingsError, Refused, Unavailable, TemporalAway) as errors:
        faults = {f"catalogue: {error}\n" for error in errors.exceptions}
    sys.stderr.writelines(sorted(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    run_command(main)
