"""Read Stripe's disputes of captured payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import stripe
from stripe.params import DisputeListParams

from providers.errors import UnknownStatus
from providers.payments import ProviderDispute, ProviderDisputeState
from providers.stripe_amounts import read_amount
from providers.stripe_transport import PROVIDER

# https://docs.stripe.com/api/disputes/object: an inquiry that closes moves no money, and a dispute
# that was prevented has given the money back.
_STATES: Final = {
    "warning_needs_response": ProviderDisputeState.OPEN,
    "warning_under_review": ProviderDisputeState.OPEN,
    "warning_closed": ProviderDisputeState.WON,
    "needs_response": ProviderDisputeState.OPEN,
    "under_review": ProviderDisputeState.OPEN,
    "won": ProviderDisputeState.WON,
    "lost": ProviderDisputeState.LOST,
    "prevented": ProviderDisputeState.LOST,
}
_PAGE: Final = 100
"""The most disputes that Stripe lists in one answer."""


async def list_of_disputes(
    disputes: stripe.DisputeService, wanted: DisputeListParams
) -> Sequence[ProviderDispute]:
    """Return these disputes, without those of charges that have no payment intent."""
    # https://docs.stripe.com/api/disputes/list
    listed = await disputes.list_async({**wanted, "limit": _PAGE})
    return [
        _dispute(dispute, str(dispute.payment_intent))
        async for dispute in listed.auto_paging_iter()
        if dispute.payment_intent is not None
    ]


def _dispute(dispute: stripe.Dispute, reference: str) -> ProviderDispute:
    if dispute.status not in _STATES:
        raise UnknownStatus(PROVIDER, "read", dispute.status)
    currency = dispute.currency.upper()
    return ProviderDispute(
        id=dispute.id,
        reference=reference,
        state=_STATES[dispute.status],
        amount=read_amount(dispute.amount, currency),
        currency=currency,
        reason=dispute.reason,
    )
