"""List every projection. A new read model is one file beside this one, and one line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from projections.analytics.projection import ANALYTICS
from projections.inventory import INVENTORY
from projections.notes import NOTES
from projections.orders import ORDERS
from projections.payments import PAYMENTS
from projections.products import PRODUCTS
from projections.projection import Following, Inline, Projection
from projections.sagas import SAGAS
from projections.shipping import SHIPMENTS

INLINE: Final[Sequence[Inline]] = (
    INVENTORY,
    NOTES,
    ORDERS,
    PAYMENTS,
    PRODUCTS,
    SAGAS,
    SHIPMENTS,
)
FOLLOWING: Final[Sequence[Following]] = (ANALYTICS,)

PROJECTIONS: Final[Sequence[Projection]] = (*INLINE, *FOLLOWING)


class UnknownProjection(Exception):
    """No projection has this name; the message lists those that there are."""

    def __init__(self, name: str) -> None:
        names = ", ".join(projection.name for projection in PROJECTIONS)
        super().__init__(f"there is no projection {name!r}: NAME is one of {names}")


def projection_named(name: str) -> Projection:
    """Raises UnknownProjection."""
    for projection in PROJECTIONS:
        if projection.name == name:
            return projection
    raise UnknownProjection(name)
