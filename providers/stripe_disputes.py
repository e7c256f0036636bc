"""Read Stripe's disputes of captured payments."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import stripe

from providers.errors import ProviderUnavailable, UnknownStatus
from providers.payments import ProviderDispute, ProviderDisputeState
from providers.stripe_amounts import read_amount
from providers.stripe_transport import PROVIDER

if TYPE_CHECKING:  # these modules hold the parameters of all of Stripe
    from stripe.params import DisputeListParams, DisputeListParamsCreated

logger = logging.getLogger(__name__)

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


async def disputes_of(disputes: stripe.DisputeService, reference: str) -> Sequence[ProviderDispute]:
    """Return the disputes of one payment intent. Raises UnknownStatus and UnknownAmount."""
    listed = _listed(disputes, {"payment_intent": reference})
    return [_dispute(dispute, reference) async for dispute in listed]


async def disputes_since(
    disputes: stripe.DisputeService, since: datetime
) -> Sequence[ProviderDispute]:
    """Return the disputes of every payment intent, without those that cannot be read.

    One that is unreadable must not hide all others.
    """
    created: DisputeListParamsCreated = {"gte": int(since.timestamp())}
    found: list[ProviderDispute] = []
    async for dispute in _listed(disputes, {"created": created}):
        if dispute.payment_intent is None:
            continue
        try:
            found.append(_dispute(dispute, str(dispute.payment_intent)))
        except ProviderUnavailable as unreadable:
            logger.warning("dispute %s is left out: %s", dispute.id, unreadable)
    return found


async def _listed(
    disputes: stripe.DisputeService, wanted: DisputeListParams
) -> AsyncIterator[stripe.Dispute]:
    # https://docs.stripe.com/api/disputes/list
    listed = await disputes.list_async({**wanted, "limit": _PAGE})
    async for dispute in listed.auto_paging_iter():
        yield dispute


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
