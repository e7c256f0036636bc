"""Count what each end of an order costs in Temporal: it does not vary between machines."""

from __future__ import annotations

import pytest

from activities.command_handler import CommandHandler
from benchmarks.saga.orders import stock
from benchmarks.saga.outcomes import OUTCOMES, Outcome
from benchmarks.saga.stepwise import StepwiseDriver
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from tests.support.sagas import Sagas


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.name)
async def test_each_end_of_an_order_costs_its_counted_actions(
    sagas: Sagas, carrier: HttpCarrier, payments: StripePayments, outcome: Outcome
) -> None:
    await stock(CommandHandler(sagas.store), "in-stock")
    driver = StepwiseDriver(
        sagas.client,
        sagas.task_queue,
        carrier,
        payments,
        sku="in-stock",
        sold_out="never-listed",
    )

    assert await outcome.cost(driver) == outcome.most
