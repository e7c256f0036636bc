"""Read Stripe's refunds of a payment, and tell Waybill's own from those made by hand.

Waybill labels its refunds with metadata. A refund in Stripe's dashboard has no such label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import stripe
from stripe.params import RefundCreateParams

from providers.payments import ProviderRefund, ProviderRefundState
from providers.stripe_amounts import read_amount

FAILED: Final = {"failed", "canceled"}
PURPOSE: Final = "waybill_purpose"
_PAGE: Final = 100
"""The most refunds that Stripe lists in one answer."""


def refund_params(reference: str, amount: int, purpose: str | None) -> RefundCreateParams:
    params: RefundCreateParams = {"payment_intent": reference, "amount": amount}
    if purpose is not None:
        params["metadata"] = {PURPOSE: purpose}
    return params


async def list_of_refunds(
    refunds: stripe.RefundService, reference: str
) -> Sequence[ProviderRefund]:
    # https://docs.stripe.com/api/refunds/list
    listed = await refunds.list_async({"payment_intent": reference, "limit": _PAGE})
    return [_refund(refund) async for refund in listed.auto_paging_iter()]


def _refund(refund: stripe.Refund) -> ProviderRefund:
    return ProviderRefund(
        reference=refund.id,
        amount=read_amount(refund.amount, refund.currency.upper()),
        state=_state(refund.status),
        purpose=getattr(refund.metadata, PURPOSE, None),
    )


def _state(status: str | None) -> ProviderRefundState:
    if status in FAILED:
        return ProviderRefundState.FAILED
    is_done = status == "succeeded"
    return ProviderRefundState.SUCCEEDED if is_done else ProviderRefundState.PENDING
