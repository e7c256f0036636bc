from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

import strawberry

import domain.order.contact
import domain.order.lines
from api.auth import Role, Viewer
from api.context import Info
from api.money import Money, Price
from api.orders.notes import OrderNote
from api.orders.notifications import OrderNotification
from api.orders.personal import Address, Contact
from api.orders.promises import OrderPromises
from api.orders.references import MetadataEntry
from api.orders.waits import OrderWait
from api.payload import POSITION_NUMBER, Payload
from api.refunds.types import OrderRefund
from api.scalars import Long, Position
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from domain.shipping.state import ShipmentStatus
from queries.order_view import LineView, OrderView, PaymentView, ShipmentView
from queries.personal_data import PersonalField, PersonalValue, Wanted
from queries.updates import Lagged as LaggedUpdate
from queries.updates import Update

strawberry.enum(OrderStatus)
strawberry.enum(PaymentStatus)
strawberry.enum(ShipmentStatus)


@strawberry.type
class OrderLine:
    id: strawberry.ID
    sku: strawberry.ID
    name: str = strawberry.field(description="The product's name when it was ordered.")
    quantity: int
    unit_price: Money = strawberry.field(description="The price at which it was ordered.")
    total: Money = strawberry.field(
        description="`quantity` at `unitPrice`, without discount and tax."
    )
    discount: Money = strawberry.field(description="The share of the order's discount.")
    tax: Money = strawberry.field(description="The tax on the line after its discount.")

    @classmethod
    def of(cls, line: LineView) -> Self:
        return cls(
            id=strawberry.ID(line.id),
            sku=strawberry.ID(line.sku),
            name=line.name,
            quantity=line.quantity,
            unit_price=Money.of(line.unit_price),
            total=Money.of(line.total),
            discount=Money.of(line.discount),
            tax=Money.of(line.tax),
        )


@strawberry.type
class Payment:
    status: PaymentStatus
    attempt: int = strawberry.field(description="Counts the payment methods tried, from 1.")
    amount: Money
    captured: Money
    refunded: Money = strawberry.field(description="All refunds, those outside Waybill included.")
    refunded_elsewhere: Money = strawberry.field(
        description="The part of `refunded` that was refunded outside Waybill, such as in the "
        "provider's dashboard."
    )
    disputed: Money = strawberry.field(
        description="The amount that the customer's bank disputes, while the dispute is open."
    )
    dispute_won: Money = strawberry.field(
        description="The amount of the disputes that the shop has won."
    )
    dispute_lost: Money = strawberry.field(
        description="The amount that lost disputes have given back, beside `refunded`."
    )
    action_url: str | None = strawberry.field(
        description="The page where the customer approves a PENDING payment."
    )
    decline_code: str | None = strawberry.field(
        description="The provider's code, when DECLINED or REFUSED."
    )

    @classmethod
    def of(cls, payment: PaymentView) -> Self:
        return cls(
            status=payment.status,
            attempt=payment.attempt,
            amount=Money.of(payment.amount),
            captured=Money.of(payment.captured),
            refunded=Money.of(payment.refunded),
            disputed=Money.of(payment.disputed),
            dispute_won=Money.of(payment.dispute_won),
            dispute_lost=Money.of(payment.dispute_lost),
            refunded_elsewhere=Money.of(payment.refunded_elsewhere),
            action_url=payment.action_url,
            decline_code=payment.decline_code,
        )


@strawberry.type
class Shipment:
    status: ShipmentStatus
    tracking_number: str | None = strawberry.field(
        description="Null until the carrier gives a number, usually at the dispatch."
    )
    carrier: str | None = strawberry.field(
        description="The name of the carrier. Null until the carrier gives a number."
    )
    tracking_url: str | None = strawberry.field(
        description="The carrier's page about the parcel, an https URL."
    )

    @classmethod
    def of(cls, shipment: ShipmentView) -> Self:
        return cls(
            status=shipment.status,
            tracking_number=shipment.tracking_number,
            carrier=shipment.carrier,
            tracking_url=shipment.tracking_url,
        )


@strawberry.type
class Order:
    id: strawberry.ID
    number: str = strawberry.field(
        description="The number by which people name the order: W- and 10 characters, the last of "
        "which detects a mistake in the others."
    )
    status: OrderStatus
    reason: str | None = strawberry.field(
        description="The reason for the rejection or cancellation."
    )
    customer_id: strawberry.ID
    total: Money = strawberry.field(description="The amount to pay: the total of `price`.")
    price: Price
    refunded: Price = strawberry.field(
        description="The refunded parts of `price`: those of returned goods, or all of them when a "
        "paid order was cancelled."
    )
    discount_code: str | None
    lines: list[OrderLine]
    promises: OrderPromises
    reference: str | None = strawberry.field(description="The shop's own name for the order.")
    metadata: list[MetadataEntry] = strawberry.field(
        description="The shop's own facts about the order, by their keys."
    )
    payment: Payment | None = strawberry.field(
        description="Null before the first attempt to pay, and for a total of 0: an order without "
        "payment."
    )
    shipment: Shipment | None
    return_requested: bool = strawberry.field(description="True while a return is in progress.")
    backordered: bool | None = strawberry.field(
        description="True while it waits for stock. Null for an order as it was earlier."
    )
    needs_attention: bool | None = strawberry.field(
        description="True if a step of it is parked, or if another system differs from the log "
        "and no operator has accepted that. "
        "Null for an order as it was earlier."
    )
    waits: list[OrderWait] | None = strawberry.field(
        description="The parties that it waits for. Null for an order as it was earlier."
    )
    placed_at: datetime
    updated_at: datetime
    position: Position = strawberry.field(
        description="The position of the last event of the order, its payment or its shipment."
    )

    @strawberry.field(
        description="The notes of staff, oldest first. An order as it was earlier shows those of "
        "today."
    )
    async def notes(self, info: Info) -> list[OrderNote] | None:
        return [OrderNote.of(note) for note in await info.context.notes.load(self.id)]

    @strawberry.field(
        description="The refunds that operators have requested, oldest first. Those of returns are "
        "not among them. An order as it was earlier shows those of today."
    )
    async def refunds(self, info: Info) -> list[OrderRefund]:
        return [OrderRefund.of(refund) for refund in await info.context.refunds.load(self.id)]

    @strawberry.field(
        description="What the customer is notified of, by channel, in the order of the facts. "
        "They are kept for 30 days after their end. An order as it was earlier shows those of "
        "today."
    )
    async def notifications(self, info: Info) -> list[OrderNotification]:
        if not info.context.viewer.may_see(self.customer_id):
            return []
        found = await info.context.order_notifications.load(self.id)
        return [OrderNotification.of(notification) for notification in found]

    @strawberry.field(description="Null once the customer is erased.")
    async def shipping_address(self, info: Info) -> Address | None:
        address = await self._personal(info, PersonalField.SHIPPING_ADDRESS)
        return Address.of(address) if isinstance(address, domain.order.lines.Address) else None

    @strawberry.field(description="Null if none was given, and once the customer is erased.")
    async def contact(self, info: Info) -> Contact | None:
        contact = await self._personal(info, PersonalField.CONTACT)
        return Contact.of(contact) if isinstance(contact, domain.order.contact.Contact) else None

    async def _personal(self, info: Info, field: PersonalField) -> PersonalValue | None:
        if not info.context.viewer.may_see(self.customer_id):
            return None
        return await info.context.personal_data.load(Wanted(self.id, field))

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, order: OrderView) -> Self:
        return cls(
            id=strawberry.ID(order.id),
            number=order.number,
            status=order.status,
            reason=order.reason,
            customer_id=strawberry.ID(order.customer_id),
            total=Money.of(order.total),
            price=Price.of(order.price),
            refunded=Price.of(order.refunded),
            discount_code=order.discount_code,
            lines=[OrderLine.of(line) for line in order.lines],
            promises=OrderPromises.of(order.promises),
            reference=order.reference,
            metadata=MetadataEntry.all_of(order.metadata),
            payment=None if order.payment is None else Payment.of(order.payment),
            shipment=None if order.shipment is None else Shipment.of(order.shipment),
            return_requested=order.return_requested,
            backordered=order.backordered,
            needs_attention=order.needs_attention,
            waits=OrderWait.all_of(order),
            placed_at=order.placed_at,
            updated_at=order.updated_at,
            position=Position(order.position),
        )


@strawberry.type(description="An event of the order, or its state at the start of the stream.")
class OrderUpdate:
    order: Order = strawberry.field(description="The current state, at least as new as the event.")
    event_type: str | None = strawberry.field(
        description="Null for the state at the start of a subscription without `after`."
    )
    position: Position = strawberry.field(description="Pass it as `after` to resume.")
    source: strawberry.Private[Update]

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, update: Update) -> Self:
        return cls(
            order=Order.of(update.order),
            event_type=update.event_type,
            position=Position(update.position),
            source=update,
        )

    def shared_by(self, viewer: Viewer) -> tuple[int, Role, bool]:
        return id(self.source), viewer.role, viewer.sub == self.source.order.customer_id


@strawberry.type(
    description="The last message to a client that read too slowly. Resume with `after: position`."
)
class Lagged:
    position: Position

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, lagged: LaggedUpdate) -> Self:
        return cls(position=Position(lagged.position))


OrderUpdateEvent = Annotated[OrderUpdate | Lagged, strawberry.union("OrderUpdateEvent")]


@strawberry.type
class PlaceOrderPayload(Payload):
    order: Order | None = None


@strawberry.type
class CancelOrderPayload(Payload):
    order: Order | None = None


@strawberry.type
class RequestReturnPayload(Payload):
    order: Order | None = None
