"""The notifications of an order and what became of each, as GraphQL shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry
from strawberry.dataloader import DataLoader

from api.notifications import meanings  # noqa: F401 - it names the enums
from notifications.facts import Notice
from notifications.outbox import Channel, State
from queries.order_notifications import NotificationView, OrderNotificationQueries

NotificationsLoader = DataLoader[str, Sequence[NotificationView]]


@strawberry.type(
    description="A final fact that the customer is notified of by one channel. The recipient's "
    "address is shown nowhere."
)
class OrderNotification:
    id: strawberry.ID
    kind: Notice
    channel: Channel
    state: State
    attempts: int = strawberry.field(description="The number of attempts to send it.")
    cause: str | None = strawberry.field(
        description="The cause of its state, or of the last attempt that failed: a code."
    )
    created_at: datetime = strawberry.field(description="The time at which it was to be sent.")
    ended_at: datetime | None = strawberry.field(
        description="The time at which its state became final. Null while it is still to be sent."
    )

    @classmethod
    def of(cls, notification: NotificationView) -> Self:
        return cls(
            id=strawberry.ID(str(notification.id)),
            kind=notification.kind,
            channel=notification.channel,
            state=notification.state,
            attempts=notification.attempts,
            cause=notification.cause,
            created_at=notification.created_at,
            ended_at=notification.ended_at,
        )


def notifications_loader(notifications: OrderNotificationQueries) -> NotificationsLoader:
    """Return a loader that reads the notifications of all orders of one step at once.

    It keeps nothing: the next step, or the next operation of a socket, reads again.
    """

    async def load(order_ids: list[str]) -> list[Sequence[NotificationView]]:
        found = await notifications.of_orders(order_ids)
        return [found.get(order_id, ()) for order_id in order_ids]

    return DataLoader(load_fn=load, cache=False)
