"""The times that an order was promised when it was placed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

Promised = Annotated[timedelta, Field(ge=timedelta(0))]
"""A duration, stored in the form of ISO 8601."""


class Promises(BaseModel):
    """The deadlines of one order. A later change of the settings does not change them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    backorder: Promised
    """The time that the order waits for stock, counted from its placement."""
    payment_window: Promised
    """The time that the customer has to pay, counted from the reservation."""
    dispatch: Promised
    """The time until the parcel leaves, counted from its booking, which follows the
    confirmation."""
    delivery: Promised
    """The time until the parcel arrives, counted from its dispatch."""
    return_window: Promised
    """The time to return goods, counted from the delivery."""
    return_delivery: Promised
    """The time until the goods of a return are back, counted from the request."""


_NO_TIME: Final = timedelta(0)
NO_PROMISES: Final = Promises(
    backorder=_NO_TIME,
    payment_window=_NO_TIME,
    dispatch=_NO_TIME,
    delivery=_NO_TIME,
    return_window=_NO_TIME,
    return_delivery=_NO_TIME,
)
"""The promises of an order that does not exist."""
