"""Find who waits for a provider's notification: a running saga, or else the order's aftercare."""

from __future__ import annotations

from typing import Final, Protocol

from domain.ids import order_workflow_id, payment_workflow_id, return_workflow_id
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
    ShipmentNotificationKind,
)

Notification = PaymentNotification | ShipmentNotification

PAYMENT_NOTIFICATION: Final = "payment_notification"
SHIPMENT_NOTIFICATION: Final = "shipment_notification"

_OF_THE_BANK: Final = {PaymentNotificationKind.REFUND, PaymentNotificationKind.DISPUTE}
"""No step of a saga waits for these."""
_OF_THE_ORDER: Final = {
    PaymentNotificationKind.CANCELED,
    PaymentNotificationKind.CAPTURED,
    PaymentNotificationKind.PAYMENT,
}
"""The order's workflow acts on these. Each other one is the answer to a step of its own."""


class Log(Protocol):
    async def is_known(self, notification: Notification) -> bool:
        """Return whether the log holds what the notification says, so that it changes nothing."""
        ...


class Sagas(Protocol):
    async def signalled(self, workflow_id: str, signal: str, notification: Notification) -> bool:
        """Signal a workflow; return False when none of this id runs."""
        ...

    async def is_running(self, workflow_id: str) -> bool: ...

    async def attend(self, signal: str, notification: Notification) -> None:
        """Signal the order's aftercare, and start it unless it runs."""
        ...


class ProviderNews:
    """Route each notification to the one workflow that acts on it.

    `log` is None where the caller has compared the log with the provider before.
    """

    def __init__(self, sagas: Sagas, log: Log | None = None) -> None:
        self._sagas = sagas
        self._log = log

    async def route(self, notification: Notification) -> None:
        if isinstance(notification, PaymentNotification):
            await self._route_payment(notification)
        else:
            await self._route_shipment(notification)

    async def _route_payment(self, report: PaymentNotification) -> None:
        order_id, is_of_bank = report.order_id, report.kind in _OF_THE_BANK
        waiting = payment_workflow_id(order_id)
        if not is_of_bank and await self._payment_signalled(waiting, report):
            return
        if await self._is_known(report):
            return
        if not is_of_bank and await self._is_of_running_order(report):
            return
        await self._sagas.attend(PAYMENT_NOTIFICATION, report)

    async def _is_of_running_order(self, report: PaymentNotification) -> bool:
        order = order_workflow_id(report.order_id)
        if report.kind in _OF_THE_ORDER:
            return await self._payment_signalled(order, report)
        return await self._sagas.is_running(order)

    async def _payment_signalled(self, workflow_id: str, report: PaymentNotification) -> bool:
        return await self._sagas.signalled(workflow_id, PAYMENT_NOTIFICATION, report)

    async def _route_shipment(self, report: ShipmentNotification) -> None:
        order_id = report.order_id
        waiting = [order_workflow_id(order_id)]
        if report.kind is ShipmentNotificationKind.RETURNED:
            waiting.insert(0, return_workflow_id(order_id))
        for workflow_id in waiting:
            if await self._sagas.signalled(workflow_id, SHIPMENT_NOTIFICATION, report):
                return
        if not await self._is_known(report):
            await self._sagas.attend(SHIPMENT_NOTIFICATION, report)

    async def _is_known(self, notification: Notification) -> bool:
        return self._log is not None and await self._log.is_known(notification)
