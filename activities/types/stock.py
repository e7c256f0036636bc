"""A product whose stock has changed, and the orders that wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChangedStockResult:
    """The products whose stock has changed, and has to be attended to."""

    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingPlace:
    """The place of an order among those that wait for a product: the earliest comes first."""

    since: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class StockInput:
    """Attend to this product: notify the orders behind `after`, or all that its stock suffices for.

    `has_changed`: the stock has changed again since the first of these orders was notified.
    """

    sku: str
    after: WaitingPlace | None = None
    has_changed: bool = False


@dataclass(frozen=True, slots=True)
class StockResult:
    """`order_ids` are waiting orders that the stock suffices for, the oldest first.

    There may be more of them behind `next_after`.
    """

    order_ids: tuple[str, ...]
    next_after: WaitingPlace | None
    may_be_short: bool
    """Orders have reserved pieces that are not there, or had done so."""


@dataclass(frozen=True, slots=True)
class ShortOrdersResult:
    """Orders whose parcel waited for stock, which they have now."""

    order_ids: tuple[str, ...]
