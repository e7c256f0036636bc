"""List a few products and receive their first stock, once: `python -m demo.catalogue`.

It lists the products that are missing and changes no others, so a second run changes nothing.
`make catalogue FILE=` changes products. This command sends commands like any client, so it needs a
running worker.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Self
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from domain.command import Command
from domain.errors import Refused
from domain.idempotency import KeyUse
from domain.inventory.commands import ReceiveStock
from domain.money import Money
from domain.product.commands import ListProduct
from kit.command import run_command
from kit.engine import create_engine
from kit.faults import one_line
from orchestrator.saga_orchestrator import SagaOrchestrator
from orchestrator.translation import Unavailable
from queries.stock import StockQueries
from settings import DatabaseRole, Settings, SettingsError, load_settings
from temporal.client import TemporalAway, connect, deadlines

ACTOR: Final = "operator:catalogue"


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    cents: int
    first_stock: int


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


@dataclass(frozen=True, slots=True)
class Seed:
    """A command and its idempotency key."""

    command: Command
    key: KeyUse

    @classmethod
    def of(cls, command: Command, key: str) -> Self:
        data = command.model_dump(mode="json")
        return cls(command, KeyUse.of(ACTOR, command.command_type, key, data))


def missing(listed: Collection[str], received: Collection[str]) -> Iterator[Seed]:
    """Yield the commands for what is missing, given the SKUs that were listed and received.

    A listing has a new key in each run. A key that is derived from its content would make it a
    repeat of an earlier listing. The first stock has one key for good, so that two runs at the same
    time receive it once.
    """
    run = uuid4()
    for product in PRODUCTS:
        sku = product.sku
        if sku not in listed:
            price = Money(amount=product.cents, currency="EUR")
            command = ListProduct(aggregate_id=sku, name=product.name, price=price)
            yield Seed.of(command, f"list-{sku}-{run}")
        if product.first_stock and sku not in received:
            receipt = ReceiveStock(aggregate_id=sku, quantity=product.first_stock)
            yield Seed.of(receipt, f"first-stock-{sku}")


async def fill(orchestrator: SagaOrchestrator, stock: StockQueries) -> None:
    """List the missing products and receive their first stock. Raises Refused or Unavailable."""
    known = await stock.get_all([product.sku for product in PRODUCTS])
    received = {sku for sku, pieces in known.items() if pieces.received}
    async with asyncio.TaskGroup() as group:
        for seed in missing(known.keys(), received):
            group.create_task(orchestrator.execute(seed.command, key=seed.key, actor=ACTOR))


async def run(settings: Settings) -> None:
    url = settings.url_of(DatabaseRole.APPEND)
    client = await connect(settings)
    orchestrator = SagaOrchestrator(
        client, task_queue=settings.task_queue, deadlines=deadlines(settings)
    )
    engine = create_engine(url)
    try:
        await fill(orchestrator, StockQueries(engine))
    finally:
        await engine.dispose()


def main() -> int:
    faults: set[str] = set()
    try:
        asyncio.run(run(load_settings()))
    except* (SettingsError, Refused, Unavailable, TemporalAway) as errors:
        faults = {f"catalogue: {error}\n" for error in errors.exceptions}
    except* (SQLAlchemyError, OSError) as errors:
        faults = {f"catalogue: PostgreSQL fails: {one_line(errors)}\n"}
    sys.stderr.writelines(sorted(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    run_command(main)
