"""Explain each kind, channel and state of a notification to clients."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import strawberry
from graphql import GraphQLEnumType, GraphQLSchema

from notifications.facts import Notice
from notifications.outbox import Channel, State

strawberry.enum(Notice, name="NotificationKind", description="A fact that is final for an order.")
strawberry.enum(Channel, name="NotificationChannel")
strawberry.enum(State, name="NotificationState")

KINDS: Final[Mapping[StrEnum, str]] = {
    Notice.RECEIVED: "The order was placed.",
    Notice.PAYMENT_NEEDED: (
        "The customer has to approve the payment, or to choose another method after a decline."
    ),
    Notice.WAITING_FOR_STOCK: "The order waits for stock. It is said once for an order.",
    Notice.SHIPPED: "The carrier has the parcel.",
    Notice.DELIVERED: "The carrier has delivered the parcel.",
    Notice.CANCELLED: "The order is cancelled, and its money is given back.",
    Notice.REJECTED: "The order cannot be delivered, and costs nothing.",
    Notice.RETURNED: "Returned goods have arrived, and their price is refunded.",
    Notice.RETURN_LAPSED: "The goods of a return have not come back in time.",
    Notice.REFUND_FAILED: (
        "The payment provider has refused to give money back, and an operator acts. It is said "
        "once for an order."
    ),
    Notice.REFUNDED: "The shop has given money back that no return or cancellation was due to.",
}
CHANNELS: Final[Mapping[StrEnum, str]] = {
    Channel.EMAIL: "A mail to the address of the order's contact.",
    Channel.PUSH: "A message to each browser that the customer has subscribed.",
}
STATES: Final[Mapping[StrEnum, str]] = {
    State.PENDING: "It is to be sent, now or after a pause.",
    State.SENDING: "It is being sent, or its outcome is not known yet.",
    State.SENT: "The server of the channel has taken it.",
    State.FAILED: "It was refused for good, or every attempt has failed.",
    State.NO_RECIPIENT: "The order has no address of this channel, so nothing is sent.",
    State.ERASED: "The customer's personal data was erased before it was sent.",
    State.SUPPRESSED: "The address has unsubscribed, bounced or complained, so nothing is sent.",
    State.OUTDATED: (
        "The order had moved on before it was sent, or the fact was too old, so nothing is sent."
    ),
    State.OPTED_OUT: "The customer has switched this category off for this channel.",
}
_MEANINGS: Final = {
    "NotificationKind": (Notice, KINDS),
    "NotificationChannel": (Channel, CHANNELS),
    "NotificationState": (State, STATES),
}


def describe_notifications(schema: GraphQLSchema) -> None:
    """Add the meanings to the schema. Raises KeyError for a value that has none."""
    for name, (enum, meanings) in _MEANINGS.items():
        described = schema.type_map[name]
        if isinstance(described, GraphQLEnumType):
            for each in enum:
                described.values[each.name].description = meanings[each]
