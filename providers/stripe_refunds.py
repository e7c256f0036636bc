"""Read Stripe's refunds of a payment, and tell Waybill's own from those made by hand.

Waybill labels its refunds with metadata. A refund in Stripe's dashboard has no such label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import stripe

from providers.idempotency_keys import with_successors
from providers.payments import ProviderRefund, ProviderRefundState
from providers.stripe_amounts import read_amount
from providers.stripe_kept_errors import is_server_error, under_a_working_key

if TYPE_CHECKING:  # these modules hold the parameters of all of Stripe
    from stripe.params import RefundCreateParams

FAILED: Final = {"failed", "canceled"}
PURPOSE: Final = "waybill_purpose"
KEY: Final = "waybill_key"
"""The first idempotency key of the refund, whichever key has made it."""
_PAGE: Final = 100
"""The most refunds that Stripe lists in one answer."""


async def make_refund(
    refunds: stripe.RefundService, params: RefundCreateParams, key: str
) -> stripe.Refund:
    """Make the refund once, past a 500 that Stripe keeps under its key.

    After a 500 the refund is looked up by its label. Another key is used only when Stripe repeats
    the 500, so that the first call has ended, and lists no such refund.
    """

    async def make(one: str) -> stripe.Refund:
        try:
            return await refunds.create_async(params, {"idempotency_key": one})
        except stripe.APIError as error:
            if not is_server_error(error):
                raise
            made = await _made(refunds, params["payment_intent"], key)
            if made is None:
                raise
            return made

    return await under_a_working_key("refund", with_successors(key), make)


def refund_params(reference: str, amount: int, purpose: str | None, key: str) -> RefundCreateParams:
    labels = {KEY: key} if purpose is None else {KEY: key, PURPOSE: purpose}
    return {"payment_intent": reference, "amount": amount, "metadata": labels}


async def list_of_refunds(
    refunds: stripe.RefundService, reference: str
) -> Sequence[ProviderRefund]:
    listed = await _list(refunds, reference)
    return [_refund(refund) async for refund in listed.auto_paging_iter()]


async def _made(refunds: stripe.RefundService, reference: str, key: str) -> stripe.Refund | None:
    async for refund in (await _list(refunds, reference)).auto_paging_iter():
        if getattr(refund.metadata, KEY, None) == key:
            return refund
    return None


async def _list(refunds: stripe.RefundService, reference: str) -> stripe.ListObject[stripe.Refund]:
    # https://docs.stripe.com/api/refunds/list
    return await refunds.list_async({"payment_intent": reference, "limit": _PAGE})


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
