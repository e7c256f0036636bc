"""What an order's workflow is found by in Temporal.

Set at the start, where it costs nothing. Afterwards each change is billed and written to the
history, so the status is told where somebody has to look (CANCELLING) and at the end, and not at
every milestone: those are in the log and in the read models.
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
"""Of an order that goes forward."""


def at_start(customer_id: str) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(STATUS, OPEN),
            SearchAttributePair(CUSTOMER, digest_of_customer(customer_id)),
            SearchAttributePair(NEEDS_ATTENTION, value=False),
        ]
    )
