"""A step key identifies one change: a step that happens again has another key.

The log answers a known key with the first append under that key. A change under a reused key is
lost, although its activity succeeds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.command_handler import CommandHandler, Step
from activities.orders import OrderActivitiesImpl
from activities.payments.record import PaymentRecord
from activities.reconciliation.discrepancies import Discrepancies
from activities.saga import SagaActivitiesImpl
from activities.tracking import record_tracking
from activities.types.order import CancellationInput, PlaceInput
from activities.types.parking import InterventionInput, ParkInput, UnparkInput
from activities.types.payment import AuthorizeInput
from activities.types.reconciliation import Discrepancy
from domain.idempotency import KeyUse
from domain.ids import order_workflow_id
from domain.order.commands import CancellationReason
from domain.order.decide import ORDER
from domain.payment.decide import PAYMENT
from domain.saga.commands import Intervention, ReconciledSystem
from domain.shipping.commands import RecordShipment
from domain.shipping.decide import SHIPMENT
from domain.shipping.tracking import TrackingInfo
from eventstore.envelope import AppendResult
from eventstore.errors import EventIdReused
from eventstore.loaded import Decide, Wanted
from eventstore.protocol import EventStore
from kit.pool import Pool
from providers.payments import ProviderPayment, ProviderPaymentState
from tests.unit.activities.memory_log import MemoryLog
from tests.unit.domain.examples import ORDER_ID, PLACE, TOTAL

PENDING, DECLINED = ProviderPaymentState.PENDING, ProviderPaymentState.DECLINED
CANCEL: Final = CancellationInput(ORDER_ID, CancellationReason.CUSTOMER_REQUEST, "customer:ada")
PARK: Final = ParkInput(
    ORDER_ID, "capture", False, "NO_ANSWER", "no answer", failed_at=datetime(2026, 1, 1, tzinfo=UTC)
)


class ExactLog(MemoryLog):
    """Fail when the log answers a step with the append of an earlier one."""

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        try:
            result = await super().append_decided(wanted, decide, key)
        except EventIdReused as reused:
            raise AssertionError("a step key identifies an earlier change") from reused
        assert result is None or not result.duplicate, "a step key identifies an earlier change"
        return result


@dataclass
class Desk:
    """The activities of one order that call no provider, on a log in memory."""

    handler: CommandHandler
    log: MemoryLog

    async def run(self, activity: Callable[..., Awaitable[Any]], *arguments: object) -> Any:  # noqa: ANN401 - whatever the activity answers
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, workflow_id=order_workflow_id(ORDER_ID))
        return await environment.run(activity, *arguments)

    async def pay(self, attempt: int, key: KeyUse | None = None) -> None:
        """Request the attempt; `key` is the customer's idempotency key."""
        authorize = AuthorizeInput(ORDER_ID, attempt, "pm_card_visa", key=key)
        order = await self.handler.load(ORDER, ORDER_ID)
        await self.run(PaymentRecord(self.handler).request, authorize, order)

    async def answer(self, state: ProviderPaymentState, page: str | None = None) -> None:
        payment = await self.handler.load(PAYMENT, ORDER_ID)
        answer = ProviderPayment(
            reference=f"pi_{payment.attempt}",
            state=state,
            amount=TOTAL.amount,
            currency=TOTAL.currency,
            captured=0,
            refunded=0,
            action_url=page,
        )
        await self.run(PaymentRecord(self.handler).answer, ORDER_ID, payment, answer)

    async def events(self, stream: str) -> list[str]:
        return [event.type for event in await self.log.load_events(f"{stream}-{ORDER_ID}")]


@pytest.fixture
async def desk() -> Desk:
    log = ExactLog()
    desk = Desk(CommandHandler(cast("EventStore", log)), log)
    backorder = PLACE.model_copy(update={"backorder": True})
    await desk.run(OrderActivitiesImpl(desk.handler).place, PlaceInput(backorder, "customer:ada"))
    return desk


async def test_each_cancellation_and_each_withdrawal_has_its_own_key(desk: Desk) -> None:
    orders = OrderActivitiesImpl(desk.handler)

    for _ in range(2):
        await desk.run(orders.request_cancellation, CANCEL)
        await desk.run(orders.withdraw_cancellation, ORDER_ID)

    assert await desk.events("order") == [
        "OrderCreated",
        *["OrderCancellationRequested", "OrderCancellationWithdrawn"] * 2,
    ]


async def test_a_backorder_has_a_key_for_each_sku(desk: Desk) -> None:
    await desk.run(OrderActivitiesImpl(desk.handler).backorder, ORDER_ID)

    for sku in ("cup", "pot"):
        assert [event.type for event in await desk.log.load_events(f"inventory-{sku}")] == [
            "BackorderQueued"
        ]


async def test_each_parking_and_each_intervention_has_its_own_key(desk: Desk) -> None:
    saga = SagaActivitiesImpl(desk.handler)

    for number in (1, 2):
        await desk.run(saga.park, PARK)
        retry = InterventionInput(
            ORDER_ID, PARK.step, number, Intervention.RETRY, "because", "operator:grace"
        )
        await desk.run(saga.intervene, retry)

    assert await desk.events("saga") == ["SagaParked", "SagaRetried"] * 2


async def test_each_end_of_a_parking_has_its_own_key(desk: Desk) -> None:
    saga = SagaActivitiesImpl(desk.handler)

    for number in (1, 2):
        await desk.run(saga.park, PARK)
        await desk.run(saga.unpark, UnparkInput(ORDER_ID, PARK.step, number))

    assert await desk.events("saga") == ["SagaParked", "SagaUnparked"] * 2


async def test_a_parked_step_that_fails_again_records_no_event(desk: Desk) -> None:
    saga = SagaActivitiesImpl(desk.handler)
    first = await desk.run(saga.park, PARK)

    again = await desk.run(saga.park, replace(PARK, parking=first.number))

    assert again == first
    assert await desk.events("saga") == ["SagaParked"]


async def test_a_failure_that_comes_after_an_intervention_answers_with_it(desk: Desk) -> None:
    saga = SagaActivitiesImpl(desk.handler)
    await desk.run(saga.park, PARK)
    skip = InterventionInput(ORDER_ID, PARK.step, 1, Intervention.SKIP, "because", "operator:grace")
    await desk.run(saga.intervene, skip)

    late = await desk.run(saga.park, replace(PARK, parking=1))

    assert (late.number, late.intervention) == (1, Intervention.SKIP)
    assert await desk.events("saga") == ["SagaParked", "SagaStepSkipped"]


async def test_an_action_url_that_comes_back_is_recorded_again(desk: Desk) -> None:
    first, second = "https://bank.example/1", "https://bank.example/2"
    await desk.pay(1)

    for page in (first, second, first):
        await desk.answer(PENDING, page)

    stored = await desk.log.load_events(PAYMENT.stream(ORDER_ID))
    assert [event.data["action_url"] for event in stored[1:]] == [first, second, first]


async def test_a_tracking_number_that_comes_back_is_recorded_again(desk: Desk) -> None:
    first, second = TrackingInfo(number="T-1"), TrackingInfo(number="T-2")
    step = Step(order_workflow_id(ORDER_ID), "create_shipment", ORDER_ID)
    await desk.handler.handle(step, RecordShipment(aggregate_id=ORDER_ID, shipment_id="shp_1"))

    for tracking in (first, second, second, first):
        await record_tracking(desk.handler, ORDER_ID, tracking)

    stored = await desk.log.load_events(SHIPMENT.stream(ORDER_ID))
    assert [event.data["tracking_number"] for event in stored[1:]] == ["T-1", "T-2", "T-1"]


async def test_each_discrepancy_and_each_resolution_has_its_own_key(desk: Desk) -> None:
    discrepancies = Discrepancies(cast("Pool", None), desk.handler)

    for _ in range(2):
        await discrepancies.found(
            Discrepancy(ORDER_ID, ReconciledSystem.PAYMENT, "held", "nothing")
        )
        await discrepancies.settled(ORDER_ID, ReconciledSystem.PAYMENT)

    assert await desk.events("saga") == ["DiscrepancyFound", "DiscrepancyResolved"] * 2


@pytest.mark.parametrize("keys", [(None, None), ("first", "second")])
async def test_each_payment_attempt_and_each_answer_has_its_own_key(
    desk: Desk, keys: tuple[str | None, str | None]
) -> None:
    for attempt, key in enumerate(keys, start=1):
        use = None if key is None else KeyUse.of("ada", "retryPayment", key, {})
        await desk.pay(attempt, use)
        await desk.answer(PENDING)
        await desk.answer(DECLINED)

    assert (
        await desk.events("payment")
        == ["PaymentRequested", "PaymentPending", "PaymentDeclined"] * 2
    )


async def test_each_page_of_the_bank_has_its_own_key(desk: Desk) -> None:
    await desk.pay(1)

    await desk.answer(PENDING)
    for page in ("https://bank.example/1", "https://bank.example/2", "https://bank.example/1"):
        await desk.answer(PENDING, page)
        assert (await desk.handler.load(PAYMENT, ORDER_ID)).action_url == page

    assert await desk.events("payment") == ["PaymentRequested", *["PaymentPending"] * 4]


async def test_a_page_of_the_bank_that_is_reported_twice_is_recorded_once(desk: Desk) -> None:
    await desk.pay(1)

    for _ in range(2):
        await desk.answer(PENDING, "https://bank.example/1")

    assert await desk.events("payment") == ["PaymentRequested", "PaymentPending"]
