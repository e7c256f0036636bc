"""Count the cost of each outcome of an order in Temporal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Final

from benchmarks.measure import Count
from benchmarks.saga.costs import Cost
from benchmarks.saga.orders import a_product
from benchmarks.saga.outcomes import OUTCOMES, Outcome
from benchmarks.saga.sides import OURS, started_ours
from benchmarks.saga.stepwise import StepwiseDriver
from benchmarks.saga.world import World, opened_world
from benchmarks.server import Server
from roles.provider_clients import Providers

_SOLD_OUT: Final = "never-received"


class Costs:
    """The costs of all outcomes. The first request drives every outcome once, in one world."""

    def __init__(self) -> None:
        self._of: dict[str, Cost] = {}

    async def of(self, outcome: Outcome, server: Server) -> Cost:
        if not self._of:
            async with opened_world(server) as world:
                self._of = await _drive_all(world)
        return self._of[outcome.name]


async def _drive_all(world: World) -> dict[str, Cost]:
    await started_ours(world)
    async with aclosing(Providers(world.settings)) as providers:
        driver = StepwiseDriver(
            world.client, OURS, providers.carrier, providers.payments, a_product(), _SOLD_OUT
        )
        return {outcome.name: await outcome.cost(driver) for outcome in OUTCOMES}


def _counts() -> Iterator[Count]:
    costs = Costs()
    for outcome in OUTCOMES:
        for what in ("history_events", "actions"):
            limit = getattr(outcome.most, what)
            yield Count(f"order.{outcome.name}.{what}", limit, _value(costs, outcome, what), "saga")


def _value(costs: Costs, outcome: Outcome, what: str) -> Callable[[Server], Awaitable[float]]:
    async def value(server: Server) -> float:
        return float(getattr(await costs.of(outcome, server), what))

    return value


COUNTS: Final = tuple(_counts())
