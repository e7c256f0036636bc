"""A provider that is down for everybody stops no later question of a saga: it waits, unparked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import uuid4

import pytest

from domain.ids import aftercare_workflow_id, order_workflow_id, refund_workflow_id
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from kit.eventually import eventually
from providers.breaker import CARRIER, PAYMENTS, Breaker, BreakerLimits
from providers.carrier_simulator.routes import NEVER_COMES_BACK
from providers.errors import ProviderUnavailable
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from tests.integration.workflows.conftest import NORMAL, Sagas, an_order
from tests.support.simulators import API_KEY, RETURN_URL, SimulatorProcess

CALLS: Final = 4
PAUSE: Final = timedelta(seconds=0.2)
OWN_TIME: Final = timedelta(seconds=1)
WAITS_LONGER_THAN_THE_OWN_TIME: Final = 5
MONTH: Final = timedelta(days=30)
DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED


@dataclass
class Outage:
    """Both providers answer the probes that end an outage only when the test says so."""

    payments: StripePayments
    carrier: HttpCarrier
    simulators: dict[str, SimulatorProcess]
    breakers: dict[str, Breaker]
    clock: list[float]
    probe: str = field(default_factory=lambda: uuid4().hex)

    async def begins(self, provider: str) -> None:
        """Let calls for another order fail until all calls pause."""
        with self.simulators[provider].failing(self.probe, "look", "down"):
            while not self.breakers[provider].is_open:
                with pytest.raises(ProviderUnavailable):
                    await self._ask(provider)

    def ends(self) -> None:
        self.clock[0] += 60

    async def _ask(self, provider: str) -> None:
        if provider == PAYMENTS:
            await self.payments.search(order_id=self.probe, attempt=1)
        else:
            await self.carrier.find(order_id=self.probe)


@pytest.fixture
async def outage(
    payment_simulator: SimulatorProcess, carrier_simulator: SimulatorProcess
) -> AsyncIterator[Outage]:
    clock = [0.0]
    limits = BreakerLimits(CALLS, failure_rate=0.5, pause=PAUSE)
    breakers = {name: Breaker(name, limits, clock=lambda: clock[0]) for name in (PAYMENTS, CARRIER)}
    payments = StripePayments(
        API_KEY, payment_simulator.url, RETURN_URL, breaker=breakers[PAYMENTS]
    )
    carrier = HttpCarrier(API_KEY, carrier_simulator.url, breaker=breakers[CARRIER])
    simulators = {PAYMENTS: payment_simulator, CARRIER: carrier_simulator}
    yield Outage(payments, carrier, simulators, breakers, clock)
    await payments.close()
    await carrier.close()


@pytest.fixture
def providers(outage: Outage) -> tuple[StripePayments, HttpCarrier]:
    return outage.payments, outage.carrier


async def waits(sagas: Sagas, workflow_id: str) -> None:
    """Wait until the workflow has waited for its provider for longer than its step's own time."""
    handle = sagas.client.get_workflow_handle(workflow_id)

    async def has_waited() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        attempts = {each.activity_type.name: each.attempt for each in pending}
        return attempts.get("await_provider", 0) > WAITS_LONGER_THAN_THE_OWN_TIME

    await eventually(has_waited, seconds=30)


# What an order waits for, what brings its question, and what the answer leads to.


async def confirmed(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(2), 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def completed(sagas: Sagas) -> str:
    order_id = await sagas.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"
    return order_id


async def promised(sagas: Sagas) -> str:
    order_id = await completed(sagas)
    await sagas.promise_refund(order_id, 200)
    return order_id


async def disputed(sagas: Sagas) -> str:
    order_id = await completed(sagas)
    await sagas.payment_simulator.happen("disputes", order_id=order_id)
    return order_id


async def lapsed_and_back(sagas: Sagas) -> str:
    patient = sagas.within(return_window=MONTH, return_delivery=timedelta(milliseconds=50))
    order = an_order((await sagas.stocked(2), 2), postal_code=NEVER_COMES_BACK)
    order_id = await patient.arrived(order)
    await sagas.send_back(order_id)
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    return order_id


async def released(sagas: Sagas) -> str:
    order_id = await confirmed(sagas)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    return order_id


async def reports_an_end(sagas: Sagas, order_id: str) -> None:
    canceled = PaymentNotification(order_id, 1, PaymentNotificationKind.CANCELED)
    await sagas.orchestrator.handle_event(canceled)


async def reports_a_dispute(sagas: Sagas, order_id: str) -> None:
    dispute = PaymentNotification(order_id, 1, PaymentNotificationKind.DISPUTE)
    await sagas.orchestrator.handle_event(dispute)


async def runs_the_refund(sagas: Sagas, order_id: str) -> None:
    await sagas.orchestrator.run_refund(order_id, 1)


async def reports_the_goods(sagas: Sagas, order_id: str) -> None:
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)


async def goes_on(sagas: Sagas, order_id: str) -> None:
    await sagas.notify(order_id, DISPATCHED, DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}


async def is_stopped(sagas: Sagas, order_id: str) -> None:
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    assert await sagas.events(f"shipment-{order_id}") == ["ShipmentCreated", "ShipmentStopped"]


async def is_refunded(sagas: Sagas, order_id: str) -> None:
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    assert (await sagas.money(order_id))["refunded"] == (1, 200)


async def is_disputed(sagas: Sagas, order_id: str) -> None:
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")


async def is_returned(sagas: Sagas, order_id: str) -> None:
    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)


class Question(NamedTuple):
    provider: str
    activity: str
    prepared: Callable[[Sagas], Awaitable[str]]
    begun_by: Callable[[Sagas, str], Awaitable[None]]
    leads_to: Callable[[Sagas, str], Awaitable[None]]
    workflow: Callable[[str], str] = order_workflow_id


QUESTIONS: Final = [
    Question(PAYMENTS, "check_hold", confirmed, reports_an_end, goes_on),
    Question(CARRIER, "stop_parcel", released, reports_an_end, is_stopped),
    Question(CARRIER, "resume_return", lapsed_and_back, reports_the_goods, is_returned),
    Question(
        PAYMENTS,
        "refund_order",
        promised,
        runs_the_refund,
        is_refunded,
        lambda order_id: refund_workflow_id(order_id, 1),
    ),
    Question(PAYMENTS, "attend", disputed, reports_a_dispute, is_disputed, aftercare_workflow_id),
    Question(CARRIER, "attend", disputed, reports_a_dispute, is_disputed, aftercare_workflow_id),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q.provider}-{q.activity}")
async def test_a_question_waits_for_its_provider_and_does_not_park(
    sagas: Sagas, outage: Outage, question: Question
) -> None:
    impatient = sagas.within(undo_timeout=OWN_TIME)
    order_id = await question.prepared(impatient)
    workflow_id = question.workflow(order_id)

    await outage.begins(question.provider)
    await question.begun_by(impatient, order_id)
    await waits(sagas, workflow_id)
    assert await sagas.events(f"saga-{order_id}") == []
    outage.ends()

    await question.leads_to(impatient, order_id)
    assert await sagas.events(f"saga-{order_id}") == []


async def test_a_customer_asks_for_a_return_while_the_carrier_is_down(
    sagas: Sagas, outage: Outage
) -> None:
    """The lapsed return is not resumed yet, and its customer does not wait for the carrier."""
    order_id = await lapsed_and_back(sagas)
    await outage.begins(CARRIER)
    await reports_the_goods(sagas, order_id)
    await waits(sagas, order_workflow_id(order_id))

    await sagas.send_back(order_id, key="again")

    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderReturnRequested"
    outage.ends()
    await is_returned(sagas, order_id)
