from __future__ import annotations

from enum import StrEnum

from domain.command import Command


class ErasureReason(StrEnum):
    """A choice, not a text: what somebody writes about a person would be personal data again."""

    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    RETENTION_EXPIRED = "RETENTION_EXPIRED"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"


class CustomerCommand(Command):
    """`aggregate_id` is the customer's id."""


class EraseCustomer(CustomerCommand):
    """Make unreadable for good whatever the log knows of this person. The log itself stays."""

    reason: ErasureReason
