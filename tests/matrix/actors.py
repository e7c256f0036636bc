"""Act as the customers, operators, banks and carriers of one order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import httpx
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.types.parking import InterventionInput
from benchmarks.saga.driver import OPERATOR_ACTOR, OrderDriver, key_use
from benchmarks.saga.orders import order_of
from domain.errors import ErrorCode, Refused
from domain.order.commands import RequestRefund
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentPending
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from domain.saga.events import SagaParked
from domain.saga.plan import REFUND, refund_order
from domain.saga.state import SagaState
from kit.eventually import eventually
from kit.local_http import local_client
from orchestrator.saga_orchestrator import SagaOrchestrator
from orchestrator.translation import NoSuchSaga, Unavailable
from providers.carrier_webhook import verify_carrier_webhook
from providers.errors import ProviderRefused
from providers.payment_webhook import verify_payment_webhook
from queries.provider_news import ProviderNewsQueries
from stack.postgres import connected
from tests.matrix.cases import Case, Fault
from tests.matrix.world import POLL_SECONDS, QUANTITY, TOTAL, World, in_parts, workflow_id
from tests.support.simulators import SECRET, Delivery

_NOT_NOW: Final = (Unavailable, NoSuchSaga)
"""The reasons for which a client retries."""
_REFUNDS: Final = (REFUND.name, refund_order(1).name)
_OLDER: Final = """
    UPDATE eventstore.event SET recorded_at = recorded_at - $2::interval WHERE stream_id = $1
"""


class People:
    def __init__(self, world: World, case: Case) -> None:
        scenario = case.point.scenario
        digest = uuid5(NAMESPACE_OID, case.name)
        self.world = world
        self.case = case
        self.sku = f"sku-{digest}"
        self.queue = f"matrix-{digest}" if case.fault is Fault.KILLED else world.shared_queue
        self.order = in_parts(
            order_of(
                case.name,
                [(self.sku, QUANTITY)],
                scenario.method,
                scenario.postal_code,
                backorder=scenario.backorder,
            )
        )
        self.id = self.order.aggregate_id
        self._driver = OrderDriver(world.client, self.queue, deadlines=case.deadlines)
        self._webhooks = SagaOrchestrator(
            world.client,
            task_queue=self.queue,
            deadlines=case.deadlines,
            log=ProviderNewsQueries(world.pool),
        )
        self._withheld_kinds = set(scenario.withheld)
        self._withheld: list[ShipmentNotification] = []

    async def logged(self, category: str, event_type: str) -> None:
        subject = self.sku if category == "inventory" else self.id
        await self.world.until_logged(f"{category}-{subject}", event_type)

    async def disturbed(self) -> None:
        """Wait until the test has disturbed the saga, if this case needs the test to do it."""
        if self.case.is_disturbed:
            await eventually(lambda: self.world.scripts.is_open(self.id), None)

    # Customers.

    async def places(self) -> None:
        await _run_until_settled(lambda: self._driver.place(self.order), (Unavailable,))

    async def approves(self) -> None:
        stored = await self.world.until_logged(f"payment-{self.id}", "PaymentPending")
        pending = stored.decode()
        assert isinstance(pending, PaymentPending)
        await eventually(lambda: self.world.scripts.has_sprung(self.id), None)
        try:
            await self.world.payments.authenticate(pending.reference, "approve")
        except httpx.HTTPStatusError as error:
            # The saga may have voided the payment before the customer came to the page.
            if error.response.status_code != HTTPStatus.BAD_REQUEST:
                raise

    async def pays_again(self, method: str, after: str = "PaymentDeclined") -> None:
        await self.logged("payment", after)
        await _run_until_settled(
            lambda: self._driver.pay_with(self.id, method, key="again"), (*_NOT_NOW, Refused)
        )

    async def cancels(self) -> None:
        await _run_until_settled(lambda: self._driver.cancel(self.id))

    async def cancels_in_temporal(self) -> None:
        await _run_until_settled(self._workflow("order").cancel, (RPCError,))

    async def sends_back(self) -> None:
        await self.logged("order", "OrderDelivered")
        await _run_until_settled(lambda: self._driver.send_back(self.id, key="back"))

    # Operators.

    async def bring_stock(self) -> None:
        await self.world.receive(self.sku, QUANTITY, "second")
        order = self._workflow("order")
        await _run_until_settled(lambda: order.signal("stock_received"), (RPCError,))

    async def mend_and_intervene(self, saga: SagaState) -> None:
        """Remove the cause first, and then intervene in each parked step."""
        await self._lift_faults()
        for step, parked in saga.parked.items():
            parking = await self._parking(parked.number)
            if parking.code == ErrorCode.PAYMENT_OWED:
                continue  # the customer pays
            workflow_id = parking.workflow_id
            intervention = Intervention.RETRY
            if self.case.point.scenario.settled_by_hand and step in _REFUNDS:
                await self._refund_by_hand()
                intervention = Intervention.RESOLVE
            intervene = InterventionInput(
                self.id, step, parked.number, intervention, "mended", OPERATOR_ACTOR
            )
            key = key_use("intervene", f"intervene-{parked.number}", order=self.id)
            try:
                await self._driver.orchestrator.intervene(workflow_id, intervene, key=key)
            except (*_NOT_NOW, Refused):
                continue  # the workflow is not there yet: the next check finds it

    async def requests_refund(self) -> None:
        """Promise the customer a part of the money, and run the refund."""
        amount = self.case.point.scenario.refunded
        request = RequestRefund(
            aggregate_id=self.id, key="refund", amount=amount, reason="a scratch"
        )
        key = key_use("refundOrder", "refund", order=self.id)
        orchestrator = self._driver.orchestrator
        await _run_until_settled(
            lambda: orchestrator.execute(request, key=key, actor=OPERATOR_ACTOR), (Unavailable,)
        )
        await self.run_refund()

    async def run_refund(self) -> None:
        """Run the promised refund as the API does, and reconciliation where it is lost."""
        orchestrator = self._driver.orchestrator
        await _run_until_settled(lambda: orchestrator.run_refund(self.id, 1), (Unavailable,))

    async def recover(self) -> None:
        """Recover the order's saga as reconciliation does."""
        await _run_until_settled(lambda: self._driver.recover(self.id))

    async def end(self, workflow: str) -> None:
        """Terminate the workflow, unless it has ended."""
        try:
            await self._workflow(workflow).terminate("by the matrix")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def close_the_window(self) -> None:
        """End the return window: make the order older, and recover it."""
        await self.disturbed()

        async def has_ended() -> bool:
            return not await self.world.is_running(f"return-{self.id}")

        await eventually(has_ended, None)
        await self.end("order")
        async with connected(self.world.owner_url) as owner:
            await owner.execute(_OLDER, f"order-{self.id}", self.case.deadlines.return_window)
        await self.recover()

    async def _lift_faults(self) -> None:
        if self.case.script.lasts:
            self.world.scripts.take_away(self.id)
        async with local_client() as http:
            for simulator in (self.world.payments, self.world.carrier):
                await http.delete(f"{simulator.url}/control", params={"order_id": self.id})

    async def _refund_by_hand(self) -> None:
        payment = await self.world.state(PAYMENT, self.id)
        assert payment.reference
        with suppress(ProviderRefused):  # already refunded: a recovered saga has retried
            await self.world.payment_client.refund(
                reference=payment.reference,
                amount=self.case.point.scenario.refunded or TOTAL,
                currency="EUR",
                key=f"{self.id}/by-hand",
            )

    async def _parking(self, number: int) -> SagaParked:
        for stored in await self.world.events(f"saga-{self.id}"):
            event = stored.decode()
            if isinstance(event, SagaParked) and event.parking == number:
                return event
        raise LookupError(f"there is no parking {number}")

    def _workflow(self, kind: str) -> WorkflowHandle[Any, Any]:
        return self.world.client.get_workflow_handle(workflow_id(kind, self.id))

    # Banks and carriers.

    async def loses_the_hold(self) -> None:
        """Let the bank release the hold; the provider sends its notifications of it."""
        await self.world.payments.end_hold(self.id)
        await self.world.payments.until_recorded(self.id, "expired")

    async def until_dispatched(self) -> None:
        async def has_left() -> bool:
            return "dispatched" in await self.world.carrier.effects(self.id)

        await _until(has_left)

    async def pass_on_notifications(self) -> None:
        while True:
            try:
                delivery = await self.world.receiver.next(self.id)
            except TimeoutError:
                continue
            notification = _notification(delivery, self.id)
            if (
                isinstance(notification, ShipmentNotification)
                and notification.kind in self._withheld_kinds
            ):
                self._withheld.append(notification)
            elif notification is not None:
                await self._deliver(notification)

    async def deliver_withheld(self) -> None:
        self._withheld_kinds.clear()
        for notification in self._withheld:
            await self._deliver(notification)

    async def _deliver(self, notification: PaymentNotification | ShipmentNotification) -> None:
        """Deliver the notification until the API acknowledges it."""
        await _run_until_settled(lambda: self._webhooks.handle_event(notification), (Unavailable,))


async def _until(fact: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the fact holds. The case cancels the wait when its time is over."""
    await eventually(fact, None, POLL_SECONDS)


async def _run_until_settled(
    act: Callable[[], Awaitable[object]], until_over: tuple[type[Exception], ...] = _NOT_NOW
) -> None:
    """Repeat the action while it fails like this. A refusal is an answer."""
    while True:
        try:
            await act()
        except until_over:
            await asyncio.sleep(POLL_SECONDS)
        except Refused:
            return
        else:
            return


def _notification(
    delivery: Delivery, order_id: str
) -> PaymentNotification | ShipmentNotification | None:
    """Return what the API makes of this webhook, if it passes it on."""
    if signature := delivery.headers.get("stripe-signature"):
        paid = verify_payment_webhook(delivery.raw, signature, SECRET)
        if paid is None:
            return None
        return PaymentNotification(order_id, paid.attempt, paid.kind, paid.refunded)
    moved = verify_carrier_webhook(delivery.raw, delivery.headers, SECRET)
    kinds = {kind.value: kind for kind in ShipmentNotificationKind}
    if moved is None or moved.status not in kinds:
        return None
    return ShipmentNotification(order_id, kinds[moved.status])
