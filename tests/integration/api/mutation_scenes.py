"""Bring an order, a product or a customer to where each mutation succeeds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound
from providers.payment_simulator.methods import VISA
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer
from tests.support.api_inputs import an_order

Scene = Callable[[Api, Viewer], Awaitable[Json]]
"""Bring an order of the owner to where the mutation succeeds; return the mutation's input."""


async def _placed(_: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.waiting_for_stock(owner)}


async def _delivered(api: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.delivered(api, owner)}


async def _declined(api: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.declined(api, owner), "paymentMethod": VISA}


async def _parked(api: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.parked_at_capture(api, owner), "reason": "the bank is back"}


async def _stock(api: Api, _: Viewer) -> Json:
    sku = f"bowl-{uuid4()}"
    await api.log.list_product(sku)
    return {"sku": sku, "quantity": 1}


async def _noted(_: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.waiting_for_stock(owner), "text": "a note"}


async def _adjustment(api: Api, owner: Viewer) -> Json:
    given = await _stock(api, owner)
    return {"sku": given["sku"], "difference": 1, "reason": "FOUND"}


async def _product(api: Api, owner: Viewer) -> Json:
    return {"sku": (await _stock(api, owner))["sku"]}


async def _price(api: Api, owner: Viewer) -> Json:
    return {**await _product(api, owner), "price": {"amount": 251, "currency": "EUR"}}


async def _listing(_: Api, __: Viewer) -> Json:
    price = {"amount": 250, "currency": "EUR"}
    return {"sku": f"bowl-{uuid4()}", "name": "Bowl", "price": price}


async def _stranger_to_erase(_: Api, __: Viewer) -> Json:
    return {"customerId": f"customer-{uuid4()}", "reason": "CUSTOMER_REQUEST"}


async def _refundable(api: Api, owner: Viewer) -> Json:
    amount = {"amount": 100, "currency": "EUR"}
    return {**await _delivered(api, owner), "amount": amount, "reason": "a scratch"}


async def _differing(api: Api, owner: Viewer) -> Json:
    order_id = await api.logged_order(owner)
    found = DiscrepancyFound(
        order_id=order_id, system=ReconciledSystem.PAYMENT, ours="nothing", theirs="captured 500"
    )
    await api.log.append(f"saga-{order_id}", found)
    return {"orderId": order_id, "system": "PAYMENT", "reason": "the shop bears it"}


async def _new_order(_: Api, __: Viewer) -> Json:
    return an_order()


MUTATIONS: dict[str, Scene] = {
    "placeOrder": _new_order,
    "cancelOrder": _placed,
    "requestReturn": _delivered,
    "retryPayment": _declined,
    "retrySaga": _parked,
    "skipSagaStep": _parked,
    "resolveSaga": _parked,
    "compensateSaga": _parked,
    "receiveStock": _stock,
    "addOrderNote": _noted,
    "adjustStock": _adjustment,
    "listProduct": _listing,
    "changePrice": _price,
    "discontinueProduct": _product,
    "eraseCustomer": _stranger_to_erase,
    "refundOrder": _refundable,
    "acceptDiscrepancy": _differing,
}
