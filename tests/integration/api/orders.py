"""Bring a viewer's orders to a state by their own sagas. They stay there for minutes."""

from __future__ import annotations

from domain.provider_notifications import ShipmentNotificationKind
from providers.payment_simulator.methods import DECLINED
from tests.support.api_client import Api, Viewer
from tests.support.api_inputs import UNCOLLECTED_ADDRESS, a_waiting_order


async def waiting_for_stock(viewer: Viewer) -> str:
    return await viewer.place(**a_waiting_order())


async def declined(api: Api, viewer: Viewer) -> str:
    """Place an order whose payment is declined; its payment window is open."""
    order_id = await viewer.place(paymentMethod=DECLINED)
    await api.sagas.until_running(f"payment-{order_id}")
    return order_id


async def waiting_for_the_carrier(api: Api, viewer: Viewer) -> str:
    """Place and pay an order whose parcel the carrier does not collect."""
    order_id = await viewer.place(shippingAddress=UNCOLLECTED_ADDRESS)
    await api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def parked_at_capture(api: Api, viewer: Viewer, times: int = 1) -> str:
    """Place an order whose capture the payment provider refuses once, so that it parks."""
    order_id = await waiting_for_the_carrier(api, viewer)
    with api.sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await api.sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await api.sagas.parked(order_id, "capture", times)
    return order_id


async def dispatched(api: Api, viewer: Viewer) -> str:
    order_id = await waiting_for_the_carrier(api, viewer)
    await api.sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await api.sagas.until(f"payment-{order_id}", "PaymentCaptured")
    return order_id


async def delivered(api: Api, viewer: Viewer) -> str:
    """Place an order of two mugs and deliver it; its return window is open."""
    order_id = await viewer.place()
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")
    return order_id
