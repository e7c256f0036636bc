from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

import strawberry

from api.auth import Role, Viewer
from api.connections import PageInfo
from api.money import Money
from api.payload import POSITION_NUMBER, Payload
from api.scalars import Long, Position
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from domain.shipping.state import ShipmentStatus
from eventstore.positions import PositionCodec
from queries.keyset import Page
from queries.orders import LineView, OrderView, PaymentView, ShipmentView
from queries.updates import Lagged as LaggedUpdate
from queries.updates import Update

CURSOR_KIND = "order cursor"

strawberry.enum(OrderStatus)
strawberry.enum(PaymentStatus)
strawberry.enum(ShipmentStatus)


@strawberry.enum
class OrderOrder(StrEnum):
    PLACED_AT_ASC = "PLACED_AT_ASC"
    PLACED_AT_DESC = "PLACED_AT_DESC"


@strawberry.type
class OrderLine:
    sku: strawberry.ID
    name: str = strawberry.field(description="The product's current name in the catalogue.")
    quantity: int
    unit_price: Money = strawberry.field(description="The price at which it was ordered.")
    total: Money

    @classmethod
    def of(cls, line: LineView) -> Self:
        return cls(
            sku=strawberry.ID(line.sku),
            name=line.name,
            quantity=line.quantity,
            unit_price=Money.of(line.unit_price),
            total=Money.of(line.total),
        )


@strawberry.type
class Payment:
    status: PaymentStatus
    attempt: int = strawberry.field(description="Counts the payment methods tried, from 1.")
    amount: Money
    captured: Money
    refunded: Money
    action_url: str | None = strawberry.field(
        description="The page where the customer approves a PENDING payment."
    )
    decline_code: str | None = strawberry.field(description="The provider's code, when DECLINED.")

    @classmethod
    def of(cls, payment: PaymentView) -> Self:
        return cls(
            status=payment.status,
            attempt=payment.attempt,
            amount=Money.of(payment.amount),
            captured=Money.of(payment.captured),
            refunded=Money.of(payment.refunded),
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
    status: OrderStatus
    reason: str | None = strawberry.field(
        description="The reason for the rejection or cancellation."
    )
    customer_id: strawberry.ID
    total: Money
    lines: list[OrderLine]
    payment: Payment | None
    shipment: Shipment | None
    return_requested: bool = strawberry.field(description="True while a return is in progress.")
    backordered: bool = strawberry.field(description="True while it waits for stock.")
    needs_attention: bool | None = strawberry.field(
        description="True if its saga is parked, or if a provider's records differ from the log."
    )
    placed_at: datetime
    updated_at: datetime
    position: Position = strawberry.field(
        description="The position of the last event of the order, its payment or its shipment."
    )

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, order: OrderView) -> Self:
        return cls(
            id=strawberry.ID(order.id),
            status=order.status,
            reason=order.reason,
            customer_id=strawberry.ID(order.customer_id),
            total=Money.of(order.total),
            lines=[OrderLine.of(line) for line in order.lines],
            payment=None if order.payment is None else Payment.of(order.payment),
            shipment=None if order.shipment is None else Shipment.of(order.shipment),
            return_requested=order.return_requested,
            backordered=order.backordered,
            needs_attention=order.needs_attention,
            placed_at=order.placed_at,
            updated_at=order.updated_at,
            position=Position(order.position),
        )


@strawberry.type
class OrderEdge:
    cursor: str
    node: Order


@strawberry.type
class OrderConnection:
    edges: list[OrderEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: Page[OrderView], positions: PositionCodec) -> Self:
        cursors = [positions.seal(order.placed_position, CURSOR_KIND) for order in page.items]
        edges = [
            OrderEdge(cursor=at, node=Order.of(order))
            for at, order in zip(cursors, page.items, strict=True)
        ]
        return cls(edges=edges, page_info=PageInfo.of(page, cursors))


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
