from __future__ import annotations

import strawberry

from api.context import Info
from api.errors import forbidden
from api.preferences.inputs import ChosenQuietHours, OptOuts, TimeZone
from api.preferences.reading import preferences_of
from api.preferences.types import NotificationPreferences, SetNotificationPreferencesPayload
from notifications.preferences import Preferences


@strawberry.type
class PreferenceMutation:
    @strawberry.mutation(
        description="For customers: replace all of your own choices about notifications. They hold "
        "for notifications that wait, too. A repetition changes nothing."
    )
    async def set_notification_preferences(
        self,
        info: Info,
        opt_outs: OptOuts,
        quiet_hours: ChosenQuietHours = None,
        time_zone: TimeZone = None,
    ) -> SetNotificationPreferencesPayload:
        viewer = info.context.viewer
        if viewer.is_staff:
            raise forbidden("setNotificationPreferences is for customers: sign in as one")
        chosen = preferences_of(opt_outs, quiet_hours, time_zone)
        if not isinstance(chosen, Preferences):
            return SetNotificationPreferencesPayload(user_errors=chosen)
        await info.context.services.preferences.set(viewer.sub, chosen)
        shown = NotificationPreferences.of(viewer.sub, chosen)
        return SetNotificationPreferencesPayload(preferences=shown)
