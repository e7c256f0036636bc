"""List every projection. A new read model is one file beside this one, and one line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from projections.analytics.projection import ANALYTICS
from projections.inventory import INVENTORY
from projections.notes import NOTES
from projections.order_contacts import ORDER_CONTACTS
from projections.orders import ORDERS
from projections.payments import PAYMENTS
from projections.products import PRODUCTS
from projections.projection import Following, Inline, Projection, ReadModel
from projections.sagas import SAGAS
from projections.shipping import SHIPMENTS

M = TypeVar("M", bound=ReadModel)

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

READ_MODELS: Final[Sequence[ReadModel]] = (*PROJECTIONS, ORDER_CONTACTS)
"""All that operators see and rebuild."""


class UnknownProjection(Exception):
    """No projection has this name; the message lists those that there are."""

    def __init__(self, name: str) -> None:
        names = ", ".join(model.name for model in READ_MODELS)
        super().__init__(f"there is no projection {name!r}: NAME is one of {names}")


def projection_named(name: str) -> Projection:
    """Raises UnknownProjection."""
    return _named(name, PROJECTIONS)


def read_model_named(name: str) -> ReadModel:
    """Raises UnknownProjection."""
    return _named(name, READ_MODELS)


def _named(name: str, models: Sequence[M]) -> M:
    for model in models:
        if model.name == name:
            return model
    raise UnknownProjection(name)
