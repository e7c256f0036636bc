"""The time until which a hold can be relied on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

DEFAULT_HOLD: Final = timedelta(days=7)
"""The time for which a card's hold lasts when its provider does not say."""

_MARGIN: Final = 10
"""A tenth of the hold is left to stop the parcel and to capture one that has left meanwhile."""


def relied_on_until(
    since: datetime, capture_before: datetime | None, default: timedelta
) -> datetime:
    """Return the time at which the customer is to be asked again, if the parcel has not left.

    `since` is the time of the authorization; `default` is how long a hold lasts whose end the
    provider does not name.
    """
    ends_at = since + default if capture_before is None else capture_before
    return ends_at - max((ends_at - since) / _MARGIN, timedelta(0))
