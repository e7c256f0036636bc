"""Compare one order's payment in the real log with the simulator's records."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from temporalio.testing import ActivityEnvironment

from activities.command_handler import CommandHandler, Step
from activities.payments.activities import PaymentActivitiesImpl
from activities.types.payment import AuthorizationResult, AuthorizeInput
from activities.types.shipping import ParcelInput
from domain.command import Command
from domain.inventory.commands import ReceiveStock, ReserveStock
from domain.inventory.decide import INVENTORY
from domain.order import commands as o
from domain.order.decide import ORDER
from domain.order.lines import ReturnedLine
from domain.order.state import OrderStatus
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState
from domain.saga.commands import InterveneOnStep, Intervention, ParkStep
from domain.saga.decide import SAGA
from domain.shipping.commands import RecordDelivery, RecordShipment
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections.inline import InlineReadModels
from providers.http import TOTAL_SECONDS
from providers.payment_simulator.methods import VISA
from providers.payments import ProviderPayment, ProviderRefund
from providers.stripe_payments import StripePayments
from providers.stripe_transport import asking
from tests.support.keys import a_vault
from tests.support.sagas import an_order
from tests.support.simulators import (
    API_KEY,
    RETURN_URL,
    SHORT_TIMEOUT_SECONDS,
    SimulatorProcess,
)

LOST_ANSWER: Final = "timeout_after"
LOOK_UPS: Final = {"find", "search", "get"}

A = TypeVar("A")
T = TypeVar("T")


class GatedPayments(StripePayments):
    """A provider that holds back the answers of one operation until the gate is opened."""

    def __init__(self, url: str) -> None:
        super().__init__(API_KEY, url, RETURN_URL)
        self.hangs = False
        """Give up an effect early. A look-up is answered, and keeps its time on a slow machine."""
        self.gated = ""
        self.answered = asyncio.Event()
        self.gate = asyncio.Event()
        self.meeting: asyncio.Barrier | None = None
        """Voids wait here for one another."""
        self.first_lists: asyncio.Barrier | None = None
        """The first lists of refunds wait here for one another, after their answer."""

    def _asking(self, operation: str) -> AbstractAsyncContextManager[None]:
        impatient = self.hangs and operation not in LOOK_UPS
        return asking(operation, SHORT_TIMEOUT_SECONDS if impatient else TOTAL_SECONDS)

    async def get(self, *, reference: str) -> ProviderPayment:
        answer = await super().get(reference=reference)
        await self._pass("get")
        return answer

    async def refunds(self, *, reference: str) -> Sequence[ProviderRefund]:
        answer = await super().refunds(reference=reference)
        if self.first_lists is not None:
            await self.first_lists.wait()
            self.first_lists = None  # later ones need not meet
        return answer

    async def void(self, **what: Any) -> ProviderPayment:  # noqa: ANN401 - as it is
        answer = await super().void(**what)
        if self.meeting is not None:
            await self.meeting.wait()
        await self._pass("void")
        return answer

    async def _pass(self, operation: str) -> None:
        if operation == self.gated:
            self.answered.set()
            await self.gate.wait()


def settled(result: AuthorizationResult) -> AuthorizationResult:
    """Return the result without the end of its hold, which differs each time."""
    return replace(result, relied_on_until=None)


@dataclass
class Till:
    """One reserved order of two pieces at 250 cents, with the payment activities."""

    store: PostgresEventStore
    provider: GatedPayments
    simulator: SimulatorProcess
    order_id: str = ""
    sku: str = field(default_factory=lambda: f"sku-{uuid.uuid4().hex[:12]}")

    @property
    def activities(self) -> PaymentActivitiesImpl:
        return PaymentActivitiesImpl(CommandHandler(self.store), self.provider)

    async def order(self, method: str = VISA) -> None:
        command = an_order((self.sku, 2), method=method)
        self.order_id = command.aggregate_id
        await self.does(
            ReceiveStock(aggregate_id=self.sku, quantity=5),
            command,
            o.MarkReserved(aggregate_id=self.order_id),
            ReserveStock(aggregate_id=self.sku, order_id=self.order_id, quantity=2),
        )

    @contextmanager
    def failing(self, operation: str, how: str, times: int | None = None) -> Iterator[None]:
        """Let every such call for the order fail in this way, or only so many."""
        self.provider.hangs = how == LOST_ANSWER
        with self.simulator.failing(self.order_id, operation, how, times):
            yield
        self.provider.hangs = False

    async def does(self, *commands: Command) -> None:
        step = Step("test", uuid.uuid4().hex, self.order_id)
        await CommandHandler(self.store).handle(step, *commands)

    async def run(self, activity: Callable[[A], Awaitable[T]], argument: A) -> T:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, workflow_id=f"order-{self.order_id}")
        return await environment.run(activity, argument)

    async def authorize(self) -> AuthorizationResult:
        return settled(await self.run(self.activities.authorize, self.order_id))

    async def retry(self, attempt: int, method: str = VISA) -> AuthorizationResult:
        again = AuthorizeInput(self.order_id, attempt, method)
        await self.run(self.activities.request_payment, again)
        return settled(await self.run(self.activities.authorize_again, again))

    async def look_up(self) -> AuthorizationResult:
        return settled(await self.run(self.activities.look_up, self.order_id))

    async def give_back(self) -> None:
        await self.run(self.activities.give_back, self.order_id)

    async def capture(self) -> None:
        await self.run(self.activities.capture, ParcelInput(self.order_id))

    async def paid(self, method: str = VISA) -> None:
        await self.order(method)
        await self.authorize()

    async def sent(self, method: str = VISA) -> None:
        await self.paid(method)
        await self.ship()
        await self.capture()

    async def ship(self) -> None:
        await self.does(RecordShipment(aggregate_id=self.order_id, shipment_id="shp"))

    async def returning(self, pieces: int, method: str = VISA) -> None:
        await self.sent(method)
        await self.does(
            o.MarkDelivered(aggregate_id=self.order_id),
            RecordDelivery(aggregate_id=self.order_id),
            o.RequestReturn(
                aggregate_id=self.order_id, lines=(ReturnedLine(sku=self.sku, quantity=pieces),)
            ),
        )

    async def refund(self) -> OrderStatus:
        return (await self.run(self.activities.refund, self.order_id)).status

    async def retry_as_operator(self, step: str) -> None:
        """Park the step, and let an operator retry it."""
        parking = (await CommandHandler(self.store).load(SAGA, self.order_id)).parkings + 1
        await self.does(
            ParkStep(
                aggregate_id=self.order_id,
                step=step,
                undoing=False,
                code="PROVIDER_REFUSED",
                message="refused",
                workflow_id=f"order-{self.order_id}",
            ),
            InterveneOnStep(
                aggregate_id=self.order_id,
                step=step,
                parking=parking,
                kind=Intervention.RETRY,
                reason="the cause is gone",
            ),
        )

    async def request_cancellation(self) -> None:
        reason = o.CancellationReason.CUSTOMER_REQUEST
        await self.does(o.RequestCancellation(aggregate_id=self.order_id, reason=reason))

    async def approve(self) -> None:
        await self.simulator.authenticate(str((await self.payment()).reference), "approve")

    async def effects(self) -> dict[str, tuple[int, int]]:
        return await self.simulator.effects(self.order_id)

    async def payment(self) -> PaymentState:
        return await CommandHandler(self.store).load(PAYMENT, self.order_id)

    async def status(self) -> OrderStatus | None:
        return (await CommandHandler(self.store).load(ORDER, self.order_id)).status

    async def on_hand(self) -> int:
        return (await CommandHandler(self.store).load(INVENTORY, self.sku)).on_hand

    async def events(self) -> list[str]:
        stored = await self.store.load_events(PAYMENT.stream(self.order_id))
        return [event.type.removeprefix("Payment") for event in stored]


@asynccontextmanager
async def a_till(pool: Pool, simulator: SimulatorProcess) -> AsyncIterator[Till]:
    provider = GatedPayments(simulator.url)
    store = PostgresEventStore(pool, [InlineReadModels()], a_vault(pool))
    yield Till(store, provider, simulator)
    await provider.close()
