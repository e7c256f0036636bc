from __future__ import annotations

from enum import StrEnum

from domain.command import Command


class ErasureReason(StrEnum):
    """The reason of an erasure: a choice, because a free text could contain personal data again."""

    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    RETENTION_EXPIRED = "RETENTION_EXPIRED"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"


class CustomerCommand(Command):
    """`aggregate_id` is the customer's id."""


class EraseCustomer(CustomerCommand):
    """Make the personal data of this customer in the log unreadable for good. The log itself
    stays."""

    reason: ErasureReason
