"""The search attributes by which Temporal finds an order's workflow.

They are set at the start, where that costs nothing. Each later change is billed and written to the
history. So the status is set when an operator may have to act (CANCELLING) and at the end. It is
not set at every milestone: those are in the log and in the read models.
"""

from __future__ import annotations

from typing import Final

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.ids import digest_of_customer

STATUS: Final = SearchAttributeKey.for_keyword("WaybillStatus")
CUSTOMER: Final = SearchAttributeKey.for_keyword("WaybillCustomer")
NEEDS_ATTENTION: Final = SearchAttributeKey.for_bool("WaybillNeedsAttention")
ALL: Final = (STATUS, CUSTOMER, NEEDS_ATTENTION)

OPEN: Final = "OPEN"
"""The status of an order that goes forward."""


def at_start(customer_id: str) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(STATUS, OPEN),
            SearchAttributePair(CUSTOMER, digest_of_customer(customer_id)),
            SearchAttributePair(NEEDS_ATTENTION, value=False),
        ]
    )


OF_AFTERCARE: Final = TypedSearchAttributes([SearchAttributePair(NEEDS_ATTENTION, value=False)])
