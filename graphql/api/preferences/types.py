from __future__ import annotations

from typing import Self

import strawberry

from api.payload import Payload
from notifications.categories import Category
from notifications.outbox import Channel
from notifications.preferences import Preferences
from notifications.quiet_hours import QuietHours as Hours


@strawberry.type
class NotificationCategoryPreference:
    category: Category
    mandatory: bool = strawberry.field(
        description="It is sent by every channel and in quiet hours. No customer can switch it off."
    )
    channels: list[Channel] = strawberry.field(description="The channels by which it is sent.")

    @classmethod
    def of(cls, category: Category, preferences: Preferences) -> Self:
        channels = [channel for channel in Channel if preferences.allow(category, channel)]
        return cls(category=category, mandatory=category.is_mandatory, channels=channels)


@strawberry.type(
    description="Hours of the customer's clock in which nothing is sent that is not mandatory. It "
    "is sent at their end."
)
class QuietHours:
    from_: str = strawberry.field(name="from", description="HH:MM. It is quiet from then on.")
    to: str = strawberry.field(description="HH:MM. It is quiet until then.")

    @classmethod
    def of(cls, hours: Hours) -> Self:
        return cls(from_=f"{hours.start:%H:%M}", to=f"{hours.end:%H:%M}")


@strawberry.type(description="What a customer has chosen about notifications, or the defaults.")
class NotificationPreferences:
    customer_id: strawberry.ID
    categories: list[NotificationCategoryPreference]
    quiet_hours: QuietHours | None
    time_zone: str | None = strawberry.field(
        description="The zone of the quiet hours. Null for the one of each order's contact."
    )

    @classmethod
    def of(cls, customer_id: str, preferences: Preferences) -> Self:
        hours = preferences.quiet_hours
        return cls(
            customer_id=strawberry.ID(customer_id),
            categories=[
                NotificationCategoryPreference.of(category, preferences) for category in Category
            ],
            quiet_hours=None if hours is None else QuietHours.of(hours),
            time_zone=preferences.time_zone,
        )


@strawberry.type
class SetNotificationPreferencesPayload(Payload):
    preferences: NotificationPreferences | None = None
