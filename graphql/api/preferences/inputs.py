from __future__ import annotations

from typing import Annotated

import strawberry

from notifications.categories import Category
from notifications.outbox import Channel

strawberry.enum(
    Category,
    name="NotificationCategory",
    description="A group of notifications. ORDER_CONFIRMATION, PAYMENT and CANCELLATION are "
    "mandatory.",
)


@strawberry.input(description="Send nothing of the category by these channels.")
class NotificationOptOutInput:
    category: Category
    channels: list[Channel]


@strawberry.input(
    description="Hours of the customer's clock, such as from 22:00 to 07:00. They include `from` "
    "and not `to`."
)
class QuietHoursInput:
    from_: str = strawberry.field(name="from", description="HH:MM, from 00:00 to 23:59.")
    to: str = strawberry.field(description="HH:MM. It may be before `from`: on the next day.")


OptOuts = Annotated[
    list[NotificationOptOutInput],
    strawberry.argument(description="A category that is not named is sent by every channel."),
]
ChosenQuietHours = Annotated[
    QuietHoursInput | None, strawberry.argument(description="By default none.")
]
TimeZone = Annotated[
    str | None,
    strawberry.argument(
        description="The zone of the quiet hours, a name of the IANA time zone database. By "
        "default the one of each order's contact. No hour is quiet for an order without one."
    ),
]
