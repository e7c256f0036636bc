"""Place the planned orders, act as their customers, and return their endings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import httpx

from demo.client import Client, Failed, Json
from demo.plan import CUSTOMERS, Plan
from demo.scenarios import SCARCE, Basket, People, Scenario, outcome
from domain.order.state import FINAL

UNDER_WAY: Final = 20
"""The most orders that run at the same time."""
TIMEOUT_SECONDS: Final = 80.0


@dataclass(frozen=True, slots=True)
class Ending:
    """The ending of an order. `order_id` is None if it could not be placed."""

    scenario: Scenario
    order_id: str | None
    became: str
    seconds: float
    number: str | None = None

    @property
    def order(self) -> str | None:
        """Return the name of the order in the demo's output."""
        return self.number or self.order_id

    @property
    def is_expected(self) -> bool:
        return self.became == self.scenario.expected


async def play_all(
    plans: Sequence[Plan],
    people: Mapping[str, People],
    began: Callable[[Scenario], None],
    ended: Callable[[Ending], None],
) -> list[Ending]:
    """Play every plan to its end, and return all endings."""
    turns = asyncio.Semaphore(UNDER_WAY)

    async def one(plan: Plan) -> Ending:
        async with turns:
            began(plan.scenario)
            ending = await play(people[plan.customer], plan)
        ended(ending)
        return ending

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(plan)) for plan in plans]
    return [task.result() for task in tasks]


async def play(people: People, plan: Plan) -> Ending:
    start = time.monotonic()
    order: Json = {}
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            order = await _place(people, plan)
            order = await _follow(people, plan.scenario, order["id"])
        became = outcome(order["status"], order["reason"])
    except TimeoutError:
        became = f"no end after {TIMEOUT_SECONDS:g} s"
    except (Failed, httpx.HTTPError) as failed:
        became = str(failed)
    seconds = time.monotonic() - start
    return Ending(plan.scenario, order.get("id"), became, seconds, order.get("number"))


async def receive(operator: Client, run: str, units: Basket) -> None:
    """Receive the stock of this run, so that it needs no earlier stock. Raises Failed."""
    receipts = (
        operator.change("ReceiveStock", idempotencyKey=f"{run}-{sku}", sku=sku, quantity=quantity)
        for sku, quantity in units.items()
    )
    await asyncio.gather(*receipts)


async def _place(people: People, plan: Plan) -> Json:
    basket = dict(plan.basket)
    if plan.scenario.is_short:  # only staff see the exact stock
        basket[SCARCE] = (await people.operator.ask("Product", sku=SCARCE))["available"] + 1
    placed = await people.customer.change(
        "PlaceOrder",
        idempotencyKey=plan.key,
        lines=[{"sku": sku, "quantity": quantity} for sku, quantity in basket.items()],
        paymentMethod=plan.scenario.method,
        shippingAddress=_address(plan),
        contact=_contact(plan),
        backorder=plan.scenario.waits,
        reference=plan.key,
        metadata=[{"key": "scenario", "value": plan.scenario.name}],
        discountCode=plan.discount_code,
    )
    order: Json = placed["order"]
    return order


async def _follow(people: People, scenario: Scenario, order_id: str) -> Json:
    """Watch the order until it is final, and run the scenario's action on the way."""
    has_acted = False
    async with aclosing(people.customer.watch(order_id)) as states:
        async for order in states:
            if not has_acted and scenario.when(order):
                has_acted = True
                await scenario.act(people, order)
            if order["status"] in FINAL:
                return order
    raise AssertionError("the watch ended before the order was final")


def _address(plan: Plan) -> dict[str, str]:
    return {
        "name": plan.customer.capitalize(),
        "street": "Invalidenstraße 1",
        "city": "Berlin",
        "postalCode": plan.scenario.postal_code,
        "country": "DE",
    }


def _contact(plan: Plan) -> dict[str, str] | None:
    """Return the contact of a customer who leaves one: every other one does."""
    if plan.customer not in CUSTOMERS[::2]:
        return None
    return {
        "email": f"{plan.customer}@example.com",
        "phone": "030 901820",
        "locale": "de-DE",
        "timeZone": "Europe/Berlin",
    }
