"""Group the kinds of notifications into the categories that a customer chooses by."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from notifications.facts import Notice


class Category(StrEnum):
    ORDER_CONFIRMATION = "order_confirmation"
    ORDER_UPDATES = "order_updates"
    PAYMENT = "payment"
    CANCELLATION = "cancellation"
    RETURNS = "returns"

    @property
    def is_mandatory(self) -> bool:
        """No customer can switch it off, and it does not wait for the end of quiet hours."""
        return self in _MANDATORY


_MANDATORY: Final = frozenset(
    {Category.ORDER_CONFIRMATION, Category.PAYMENT, Category.CANCELLATION}
)
"""They confirm or end a contract, or concern the customer's money: see
docs/decisions/0030-notification-preferences.md."""

_CATEGORIES: Final[Mapping[Notice, Category]] = {
    Notice.RECEIVED: Category.ORDER_CONFIRMATION,
    Notice.WAITING_FOR_STOCK: Category.ORDER_UPDATES,
    Notice.SHIPPED: Category.ORDER_UPDATES,
    Notice.DELIVERED: Category.ORDER_UPDATES,
    Notice.PAYMENT_NEEDED: Category.PAYMENT,
    Notice.REFUND_FAILED: Category.PAYMENT,
    Notice.REFUNDED: Category.PAYMENT,
    Notice.CANCELLED: Category.CANCELLATION,
    Notice.REJECTED: Category.CANCELLATION,
    Notice.RETURNED: Category.RETURNS,
    Notice.RETURN_LAPSED: Category.RETURNS,
}


def category_of(notice: Notice) -> Category:
    return _CATEGORIES[notice]
