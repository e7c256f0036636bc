"""Read what a customer asks for, or name each argument that is not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import time
from typing import Final

from api.preferences.inputs import NotificationOptOutInput, QuietHoursInput
from api.user_errors import UserError
from domain.errors import ErrorCode
from domain.order.contact_rules import time_zone_of
from notifications.preferences import Preferences
from notifications.quiet_hours import QuietHours

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


def preferences_of(
    opt_outs: Sequence[NotificationOptOutInput], hours: QuietHoursInput | None, zone: str | None
) -> Preferences | list[UserError]:
    """Return the preferences, or an error for each invalid argument."""
    errors = [*_of_opt_outs(opt_outs), *_of_zone(zone)]
    errors += [] if hours is None else _of_hours(hours)
    if errors:
        return errors
    opted_out = [(each.category, channel) for each in opt_outs for channel in each.channels]
    return Preferences(frozenset(opted_out), None if hours is None else _hours(hours), zone)


def _of_opt_outs(opt_outs: Sequence[NotificationOptOutInput]) -> Iterator[UserError]:
    for index, opt_out in enumerate(opt_outs):
        if opt_out.category.is_mandatory:
            message = f"{opt_out.category.name} is mandatory and is always sent: leave it out"
            yield _invalid(message, "optOuts", index, "category")


def _of_zone(name: str | None) -> Iterator[UserError]:
    try:
        if name is not None:
            time_zone_of(name)
    except ValueError as error:
        yield _invalid(str(error), "timeZone")


def _of_hours(given: QuietHoursInput) -> Iterator[UserError]:
    fields = {"from": given.from_, "to": given.to}
    faulty = [field for field, text in fields.items() if not _TIME.fullmatch(text)]
    for field in faulty:
        message = "this is no time of the day: write it as 22:00, from 00:00 to 23:59"
        yield _invalid(message, "quietHours", field)
    if not faulty and given.from_ == given.to:
        message = "quiet hours that end when they begin would never end: choose another end"
        yield _invalid(message, "quietHours", "to")


def _hours(given: QuietHoursInput) -> QuietHours:
    return QuietHours(time.fromisoformat(given.from_), time.fromisoformat(given.to))


def _invalid(message: str, *path: str | int) -> UserError:
    return UserError(
        code=ErrorCode.INVALID_INPUT, message=message, field=[str(part) for part in path]
    )
