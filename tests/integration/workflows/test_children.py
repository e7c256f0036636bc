"""The workflows that an order's starts."""

from __future__ import annotations

from datetime import timedelta

from domain.ids import digest_of_customer
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL
from tests.support.sagas import CUSTOMER, Sagas, an_order
from workflows import search_attributes


async def customer_of(sagas: Sagas, workflow_id: str) -> str | None:
    described = await sagas.client.get_workflow_handle(workflow_id).describe()
    return described.typed_search_attributes.get(search_attributes.CUSTOMER)


async def test_a_payment_that_waits_is_found_by_its_customer(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")
    assert await customer_of(sagas, f"payment-{order_id}") == digest_of_customer(CUSTOMER)


async def test_a_return_is_found_by_its_customer(sagas: Sagas) -> None:
    patient = sagas.within(return_window=timedelta(minutes=5))
    ordered = an_order((await sagas.stocked(5), 2), postal_code=NORMAL)
    order_id = await patient.arrived(ordered)
    await sagas.send_back(order_id)
    await sagas.until_running(f"return-{order_id}")
    assert await customer_of(sagas, f"return-{order_id}") == digest_of_customer(CUSTOMER)
