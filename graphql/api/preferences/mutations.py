from __future__ import annotations

import strawberry

from api.context import Info
from api.errors import forbidden
from api.idempotency import OptionalKey, change_once, optional_key
from api.preferences.inputs import ChosenQuietHours, OptOuts, TimeZone
from api.preferences.reading import preferences_of
from api.preferences.types import NotificationPreferences, SetNotificationPreferencesPayload
from api.user_errors import UserError
from domain.errors import Refused
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
        idempotency_key: OptionalKey = None,
    ) -> SetNotificationPreferencesPayload:
        context, viewer = info.context, info.context.viewer
        if viewer.is_staff:
            raise forbidden("setNotificationPreferences is for customers: sign in as one")
        chosen = preferences_of(opt_outs, quiet_hours, time_zone)
        if not isinstance(chosen, Preferences):
            return SetNotificationPreferencesPayload(user_errors=chosen)
        store = context.services.preferences
        try:
            key = optional_key(
                "setNotificationPreferences", idempotency_key, context, **chosen.as_json()
            )
            await change_once(key, context, lambda: store.set(viewer.sub, chosen, key))
        except Refused as refused:
            return SetNotificationPreferencesPayload(user_errors=[UserError.of_argument(refused)])
        shown = NotificationPreferences.of(viewer.sub, await store.get(viewer.sub))
        return SetNotificationPreferencesPayload(preferences=shown)
