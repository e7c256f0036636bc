"""Bring orders to a state without a saga, and search for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from domain.event import Event
from domain.money import Money
from domain.order import events as order
from domain.payment import events as payment
from domain.saga.events import SagaParked
from domain.shipping import events as shipping
from queries.keyset import PageRequest
from queries.order_filter import OrderFilter
from queries.order_sort import OrderOrder
from queries.order_view import OrderView
from queries.order_waits import Wait, WaitingFor, waits_of
from queries.orders import OrderQueries
from tests.support.order_log import OrderLog

EUR_5: Final = Money(amount=500, currency="EUR")


class Search:
    def __init__(self, orders: OrderQueries, log: OrderLog) -> None:
        self._orders, self._log = orders, log

    async def found(self, by: OrderOrder = OrderOrder.PLACED_AT_ASC, **wanted: Any) -> str:  # noqa: ANN401 - the fields of a filter
        """Return the ids of the orders found. Their number is what a count of them gives."""
        page = await self._orders.page(OrderFilter(**wanted), PageRequest(100), by)
        assert await self._orders.count(OrderFilter(**wanted)) == len(page.items)
        return " ".join(each.id for each in page.items)

    async def waiting(self, *waiting_for: WaitingFor, since: datetime | None = None) -> str:
        return await self.found(waiting_for=waiting_for, waiting_since=since)

    async def order(self, order_id: str) -> OrderView:
        found = await self._orders.get(order_id)
        assert found is not None
        return found

    async def waits(self, order_id: str) -> list[Wait]:
        return list(waits_of(await self.order(order_id)))

    async def move(self, order_id: str, *events: type[Event]) -> None:
        moves = [event.model_validate({"order_id": order_id}) for event in events]
        await self._log.append(f"order-{order_id}", *moves)

    async def reserve(self, order_id: str) -> None:
        await self._log.place(order_id)
        await self.move(order_id, order.OrderReserved)
        requested = payment.PaymentRequested(
            order_id=order_id, attempt=1, amount=EUR_5, method="pm_card_visa"
        )
        await self._log.append(f"payment-{order_id}", requested)

    async def confirm(self, order_id: str) -> None:
        await self.reserve(order_id)
        authorized = payment.PaymentAuthorized(
            order_id=order_id, attempt=1, reference=f"pi_{order_id}", amount=EUR_5
        )
        await self._log.append(f"payment-{order_id}", authorized)
        await self.move(order_id, order.OrderAuthorized, order.OrderConfirmed)

    async def ship(self, order_id: str) -> None:
        await self.confirm(order_id)
        await self.move(order_id, order.OrderShipped)
        await self._log.append(
            f"shipment-{order_id}",
            shipping.ShipmentCreated(order_id=order_id, shipment_id="s"),
            shipping.TrackingNumberAssigned(
                order_id=order_id, tracking_number=f"T-{order_id}", carrier=None, tracking_url=None
            ),
            shipping.ShipmentDispatched(order_id=order_id),
        )


def parked(order_id: str) -> SagaParked:
    return SagaParked(
        order_id=order_id,
        step="capture",
        undoing=False,
        parking=1,
        code="PROVIDER_REFUSED",
        message="no",
        workflow_id=f"order-{order_id}",
    )
