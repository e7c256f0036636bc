"""What an order was promised, as GraphQL shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

import strawberry
from pydantic import TypeAdapter

from domain.order.promises import Promises

_DURATION: Final = TypeAdapter(timedelta)


@strawberry.type(
    description="The times that the order was promised when it was placed: durations of ISO 8601, "
    "such as P14D. They do not change later."
)
class OrderPromises:
    payment_window: str = strawberry.field(
        description="The time to pay, counted from the reservation of the stock."
    )
    dispatch: str = strawberry.field(
        description="The time until the parcel leaves, counted from the confirmation."
    )
    delivery: str = strawberry.field(
        description="The time until the parcel arrives, counted from its dispatch."
    )
    return_window: str = strawberry.field(
        description="The time to return goods, counted from the delivery."
    )

    @classmethod
    def of(cls, promises: Promises) -> Self:
        return cls(
            payment_window=iso(promises.payment_window),
            dispatch=iso(promises.dispatch),
            delivery=iso(promises.delivery),
            return_window=iso(promises.return_window),
        )


def iso(duration: timedelta) -> str:
    """Return the duration in the form of ISO 8601."""
    text: str = _DURATION.dump_python(duration, mode="json")
    return text
