from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from api.auth import Viewer
from api.context import Info
from api.errors import bad_input, forbidden, position_lost
from api.notifications.types import (
    Notification,
    NotificationEvent,
    NotificationsStart,
    Reader,
)
from api.orders.types import Lagged
from api.scalars import Position
from domain.identifiers import is_identifier
from domain.order.contact_rules import locale_of, time_zone_of
from eventstore.errors import PositionLost
from notifications.mail.language import language_of
from queries.notices import CustomerNotice, NoticeMessage, NoticesStart

After = Annotated[
    Position | None, strawberry.argument(description="The position of the last message received.")
]
CustomerId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="The customer to follow, whom staff must name. Customers follow themselves."
    ),
]
Locale = Annotated[
    str | None,
    strawberry.argument(
        description="The language of the texts, a tag of BCP 47, or the nearest one that there is. "
        "English by default."
    ),
]
TimeZone = Annotated[
    str | None,
    strawberry.argument(
        description="The zone of dates in the texts: Europe/Zurich. UTC by default."
    ),
]


@strawberry.type
class NotificationSubscription:
    @strawberry.subscription(
        description="Each fact that becomes final for the customer's orders, once and in the order "
        "of the log, after a position. It is sent whether or not a mail is."
    )
    async def notifications(
        self,
        info: Info,
        after: After = None,
        customer_id: CustomerId = None,
        locale: Locale = None,
        time_zone: TimeZone = None,
    ) -> AsyncGenerator[NotificationEvent, None]:
        reader = _reader(locale, time_zone)
        customer = _customer(customer_id, info.context.viewer)
        try:
            async with aclosing(info.context.services.notices.follow(customer, after)) as messages:
                async for message in messages:
                    yield _shown(message, reader)
        except PositionLost:
            raise position_lost() from None


def _shown(message: NoticeMessage, reader: Reader) -> Notification | NotificationsStart | Lagged:
    match message:
        case CustomerNotice():
            return Notification.of(message, reader)
        case NoticesStart():
            return NotificationsStart.of(message)
        case _:
            return Lagged.of(message)


def _customer(given: str | None, viewer: Viewer) -> str:
    """Return the customer to follow. Raises FORBIDDEN and BAD_USER_INPUT."""
    if not viewer.is_staff:
        if given not in {None, viewer.sub}:
            raise forbidden("customerId is for operators: leave it out")
        return viewer.sub
    if given is None:
        raise bad_input("customerId: name the customer to follow")
    if not is_identifier(given):
        raise bad_input("customerId: this can be no id")
    return given


def _reader(locale: str | None, time_zone: str | None) -> Reader:
    """Raises BAD_USER_INPUT, which names the argument."""
    try:
        language = language_of(None if locale is None else locale_of(locale))
    except ValueError as error:
        raise bad_input(f"locale: {error}") from None
    try:
        return Reader(language, None if time_zone is None else time_zone_of(time_zone))
    except ValueError as error:
        raise bad_input(f"timeZone: {error}") from None
