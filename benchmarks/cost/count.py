"""Count the cost of an order for each outcome that the table of docs/SCALING.md shows.

One worker runs in this process, without schedules, heartbeats and webhooks. So every statement is
one of the order's saga. The customer has ordered before, and the worker has its connections.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, astuple
from typing import Final

from activities.failed_attempts import FailedAttempts
from benchmarks.cost.books import Books
from benchmarks.cost.figures import OrderCost
from benchmarks.saga.costs import cost_of, history_bytes
from benchmarks.saga.orders import a_product
from benchmarks.saga.outcomes import OUTCOMES, Outcome
from benchmarks.saga.sides import OURS
from benchmarks.saga.stepwise import StepwiseDriver
from benchmarks.saga.world import OPTIONS, World, opened_world
from benchmarks.server import Server
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.vault import Vault
from projections.inline import InlineReadModels
from roles.provider_clients import Providers
from roles.temporal_worker import saga_activities, temporal_worker

SHOWN: Final[Mapping[str, str]] = {
    "completed": "completed",
    "declined_then_paid": "declined, then paid",
    "out_of_stock": "out of stock",
    "cancelled_shipment": "cancelled",
    "carrier_failed": "carrier failure",
    "payment_window_closed": "payment window missed",
    "returned": "returned",
}
"""The outcomes of the table, with their names there."""
SILENT: Final = {
    **OPTIONS,
    "WAYBILL_PAYMENT_SIMULATOR_WEBHOOK_URL": "",
    "WAYBILL_CARRIER_SIMULATOR_WEBHOOK_URL": "",
}
ROUNDS: Final = 2
_SOLD_OUT: Final = "never-received"


async def count_all(server: Server) -> dict[str, OrderCost]:
    shown = [outcome for outcome in OUTCOMES if outcome.name in SHOWN]
    async with opened_world(server, SILENT) as world, _working(world) as (driver, books):
        for outcome in shown:
            await outcome.reach(driver)  # opens connections, and fills their caches of statements
        rounds = [
            {outcome.name: await _cost(outcome, driver, books) for outcome in shown}
            for _ in range(ROUNDS)
        ]
    return {name: _least(one[name] for one in rounds) for name in rounds[0]}


def _least(costs: Iterable[OrderCost]) -> OrderCost:
    """Return the least of each figure: PostgreSQL adds WAL of its own to some rounds."""
    return OrderCost(*(min(figures) for figures in zip(*map(astuple, costs), strict=True)))


async def _cost(outcome: Outcome, driver: StepwiseDriver, books: Books) -> OrderCost:
    await books.begin()
    order_id = await outcome.reach(driver)
    usage = await books.usage()
    temporal = await cost_of(driver.client, order_id)
    return OrderCost(
        actions=temporal.actions,
        history_events=temporal.history_events,
        history_bytes=await history_bytes(driver.client, order_id),
        **asdict(usage),
    )


@asynccontextmanager
async def _working(world: World) -> AsyncIterator[tuple[StepwiseDriver, Books]]:
    """Run a worker in this process, and yield a driver for it and the books of its database."""
    vault = Vault(world.pool, Keyring.of(world.settings, "master_key"))
    store = PostgresEventStore(world.pool, [InlineReadModels()], vault)
    owner_url = world.settings.database_url.get_secret_value()
    async with aclosing(Providers(world.settings)) as providers:
        carrier, payments = providers.carrier, providers.payments
        ledger = FailedAttempts(world.pool)
        activities = saga_activities(world.pool, store, vault, payments, carrier, ledger=ledger)
        worker = temporal_worker(world.client, OURS, activities, ledger)
        async with worker, Books.opened(owner_url, store) as books:
            driver = StepwiseDriver(world.client, OURS, carrier, payments, a_product(), _SOLD_OUT)
            yield driver, books
