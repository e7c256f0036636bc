"""Define the peers' steps of an order, each of them an append or a call to a provider.

The appends, the command handler and the calls equal Waybill's. Temporal runs the steps as
activities, and DBOS runs them as its steps.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from temporalio import activity

from activities.command_handler import CommandHandler, Step
from domain.command import Command
from domain.ids import order_workflow_id
from domain.inventory.commands import CommitStock, ReleaseStock, ReserveStock
from domain.order import commands as c
from domain.order.decide import ORDER
from domain.order.events import OrderCreated
from domain.order.lines import Address, OrderLine
from domain.payment.commands import (
    RecordAuthorization,
    RecordCapture,
    RecordVoid,
    RequestPayment,
)
from domain.payment.decide import PAYMENT
from domain.shipping.commands import (
    RecordDelivery,
    RecordDispatch,
    RecordShipment,
    RecordShipmentCancelled,
)
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.vault import Vault
from kit.pool import create_pool
from projections.inline import InlineReadModels
from providers.carrier import ShipmentAddress, ShipmentItem
from providers.errors import ProviderRefused
from providers.payments import ProviderPaymentState
from roles.provider_clients import Providers
from settings import Settings

FIRST = 1
"""The number of the only payment attempt."""


@dataclass(frozen=True, slots=True)
class Shipment:
    order_id: str
    shipment_id: str


@dataclass(frozen=True, slots=True)
class Hold:
    """An authorized amount, with the payment provider's reference."""

    order_id: str
    reference: str


class Steps:
    def __init__(self, store: PostgresEventStore, vault: Vault, providers: Providers) -> None:
        self._handler = CommandHandler(store)
        self._store = store
        self._vault = vault
        self._providers = providers

    @property
    def all(self) -> list[Callable[..., Any]]:
        steps = inspect.getmembers(type(self), inspect.iscoroutinefunction)
        return [getattr(self, name) for name, _ in steps if not name.startswith("_")]

    @activity.defn
    async def place(self, order: c.PlaceOrder) -> None:
        await self._append("place", order.aggregate_id, order)

    @activity.defn
    async def reserve(self, order_id: str) -> None:
        await self._append(
            "reserve",
            order_id,
            c.MarkReserved(aggregate_id=order_id),
            *(
                ReserveStock(aggregate_id=line.sku, order_id=order_id, quantity=line.quantity)
                for line in await self._lines(order_id)
            ),
        )

    @activity.defn
    async def request_payment(self, order_id: str) -> None:
        order = await self._handler.load(ORDER, order_id)
        await self._append(
            "authorize/1/request",
            order_id,
            RequestPayment(
                aggregate_id=order_id,
                attempt=FIRST,
                amount=order.total,
                method=order.payment_method,
            ),
        )

    @activity.defn
    async def authorize(self, order_id: str) -> Hold:
        payment = await self._handler.load(PAYMENT, order_id)
        answer = await self._providers.payments.authorize(
            order_id=order_id,
            attempt=FIRST,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
            method=payment.method,
        )
        if answer.state is ProviderPaymentState.DECLINED:
            raise ProviderRefused(
                "payments", "authorize", answer.decline_code or "declined", HTTPStatus.OK
            )
        return Hold(order_id, answer.reference)

    @activity.defn
    async def record_authorization(self, hold: Hold) -> None:
        await self._append(
            "authorize/1/authorized",
            hold.order_id,
            RecordAuthorization(
                aggregate_id=hold.order_id, attempt=FIRST, reference=hold.reference
            ),
            c.MarkAuthorized(aggregate_id=hold.order_id),
            c.ConfirmOrder(aggregate_id=hold.order_id),
        )

    @activity.defn
    async def create_shipment(self, order_id: str) -> Shipment:
        first, *_ = await self._store.load_events(ORDER.stream(order_id))
        created = first.decode()
        assert isinstance(created, OrderCreated)  # noqa: S101 - the first event of every order
        address = (await self._vault.open(created)).shipping_address
        assert isinstance(address, Address)  # noqa: S101 - the vault has opened it
        shipment = await self._providers.carrier.create_shipment(
            order_id=order_id,
            address=ShipmentAddress(**address.model_dump()),
            items=[ShipmentItem(line.sku, line.quantity) for line in created.lines],
        )
        return Shipment(order_id, shipment.id)

    @activity.defn
    async def record_shipment(self, shipment: Shipment) -> None:
        await self._append(
            "create_shipment",
            shipment.order_id,
            RecordShipment(aggregate_id=shipment.order_id, shipment_id=shipment.shipment_id),
        )

    @activity.defn
    async def record_dispatch(self, order_id: str) -> None:
        await self._append(
            "capture/dispatch",
            order_id,
            c.MarkShipped(aggregate_id=order_id),
            RecordDispatch(aggregate_id=order_id),
            *(
                CommitStock(aggregate_id=line.sku, order_id=order_id)
                for line in await self._lines(order_id)
            ),
        )

    @activity.defn
    async def capture(self, hold: Hold) -> None:
        payment = await self._handler.load(PAYMENT, hold.order_id)
        due = payment.amount
        await self._providers.payments.capture(
            reference=hold.reference, amount=due.amount, currency=due.currency
        )

    @activity.defn
    async def record_capture(self, order_id: str) -> None:
        payment = await self._handler.load(PAYMENT, order_id)
        await self._append(
            "capture", order_id, RecordCapture(aggregate_id=order_id, amount=payment.amount)
        )

    @activity.defn
    async def deliver(self, order_id: str) -> None:
        await self._append(
            "deliver",
            order_id,
            c.MarkDelivered(aggregate_id=order_id),
            RecordDelivery(aggregate_id=order_id),
        )

    @activity.defn
    async def complete(self, order_id: str) -> None:
        await self._append("complete", order_id, c.CompleteOrder(aggregate_id=order_id))

    @activity.defn
    async def start_compensation(self, order_id: str) -> None:
        await self._append(
            "compensate",
            order_id,
            c.RequestCancellation(
                aggregate_id=order_id, reason=c.CancellationReason.PAYMENT_FAILED
            ),
        )

    @activity.defn
    async def release(self, order_id: str) -> None:
        await self._append(
            "release",
            order_id,
            *(
                ReleaseStock(aggregate_id=line.sku, order_id=order_id)
                for line in await self._lines(order_id)
            ),
        )

    @activity.defn
    async def void(self, order_id: str) -> None:
        payment = await self._handler.load(PAYMENT, order_id)
        await self._providers.payments.void(
            order_id=order_id,
            attempt=FIRST,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
        )
        await self._append("void", order_id, RecordVoid(aggregate_id=order_id, attempt=FIRST))

    @activity.defn
    async def cancel_shipment(self, order_id: str) -> None:
        await self._providers.carrier.cancel(order_id=order_id)
        await self._append(
            "cancel_shipment", order_id, RecordShipmentCancelled(aggregate_id=order_id)
        )

    @activity.defn
    async def cancel(self, order_id: str) -> None:
        await self._append("cancel", order_id, c.CancelOrder(aggregate_id=order_id))

    async def _append(self, key: str, order_id: str, *commands: Command) -> None:
        step = Step(order_workflow_id(order_id), key, order_id)
        await self._handler.handle(step, *commands)

    async def _lines(self, order_id: str) -> tuple[OrderLine, ...]:
        return (await self._handler.load(ORDER, order_id)).lines


@asynccontextmanager
async def opened_steps(settings: Settings) -> AsyncIterator[Steps]:
    """Set up the steps as worker.py sets up its activities."""
    async with (
        await create_pool(settings.database_url.get_secret_value()) as pool,
        aclosing(Providers(settings)) as providers,
    ):
        vault = Vault(pool, Keyring.of(settings, "master_key"))
        store = PostgresEventStore(pool, [InlineReadModels()], vault)
        yield Steps(store, vault, providers)
