"""Payments by Stripe. An attempt is a PaymentIntent: created unconfirmed, then confirmed.

Creating an intent has no effect on money, and a repetition with the same idempotency key returns
the same intent. So after any outcome of a call, creating again finds the intent. Cancelling that
intent stops a confirmation in flight: Stripe refuses to confirm a cancelled intent. A repeated key
returns the first answer, so a replayed intent is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import stripe
from stripe.params import PaymentIntentConfirmParams

from providers import idempotency_keys
from providers.errors import ProviderRefused, ProviderUnavailable, UnknownStatus
from providers.http import TOTAL_SECONDS
from providers.payments import ProviderPayment, ProviderPaymentState, ProviderRefund
from providers.stripe_refunds import FAILED, list_of_refunds, refund_params
from providers.stripe_transport import PROVIDER, StripeTransport, asking

_STATES = {
    "requires_payment_method": ProviderPaymentState.CREATED,
    "requires_confirmation": ProviderPaymentState.CREATED,
    "requires_action": ProviderPaymentState.PENDING,
    "processing": ProviderPaymentState.PENDING,
    "requires_capture": ProviderPaymentState.AUTHORIZED,
    "succeeded": ProviderPaymentState.CAPTURED,
    "canceled": ProviderPaymentState.VOIDED,
}
_HTTP_OK = 200
_METHOD = "payment_method"
_OF_METHODS = {"payment_intent_incompatible_payment_method"}

# Otherwise the SDK would time each call and describe this machine to Stripe.
stripe.enable_telemetry = False


class StripePayments:
    """A PaymentProvider. `base_url` is empty for Stripe itself, else a simulator's address.

    Every call answers or raises within `total_seconds`. The customer returns to `return_url` after
    authenticating; without it Stripe gives no address to send the customer to.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str = "",
        return_url: str = "",
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._transport = StripeTransport()
        self._total_seconds = total_seconds
        self._return_url = return_url
        client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url} if base_url else None,
            http_client=self._transport,
            max_network_retries=0,
        )
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds

    async def authorize(
        self, *, order_id: str, attempt: int, amount: int, currency: str, method: str
    ) -> ProviderPayment:
        async with self._asking("authorize"):
            intent = await self._create(order_id, attempt, amount, currency)
            return await self._confirm(
                intent.id, method, idempotency_keys.payment_confirm(order_id, attempt)
            )

    async def find(
        self, *, order_id: str, attempt: int, amount: int, currency: str
    ) -> ProviderPayment:
        async with self._asking("find"):
            return await self._fresh(await self._create(order_id, attempt, amount, currency))

    async def search(self, *, order_id: str, attempt: int) -> Sequence[ProviderPayment]:
        # https://docs.stripe.com/search#query-fields-for-paymentintents
        query = f"metadata['order_id']:'{order_id}' AND metadata['attempt']:'{attempt}'"
        async with self._asking("search"):
            found = await self._intents.search_async(
                {"query": query, "limit": 100, "expand": ["data.latest_charge"]}
            )
            return [_payment(intent) for intent in found.data]

    async def capture(self, *, reference: str, amount: int) -> ProviderPayment:
        async with self._asking("capture"):
            try:
                # No idempotency key: an intent can be captured once, and a stored refusal or error
                # of a first attempt would hide for a day that a later one could succeed.
                intent = await self._intents.capture_async(
                    reference, {"amount_to_capture": amount, "expand": ["latest_charge"]}
                )
            except stripe.InvalidRequestError as error:
                payment = await self._state_behind(error, reference)
                if (payment.state, payment.captured) != (ProviderPaymentState.CAPTURED, amount):
                    raise
                return payment
            return _payment(intent)

    async def void(
        self,
        *,
        order_id: str,
        attempt: int,
        amount: int,
        currency: str,
        reference: str | None = None,
    ) -> ProviderPayment:
        async with self._asking("void"):
            if reference is None:
                reference = (await self._create(order_id, attempt, amount, currency)).id
            try:
                # No idempotency key, as for a capture: cancelling is idempotent by nature.
                return _payment(await self._intents.cancel_async(reference))
            except stripe.InvalidRequestError as error:
                payment = await self._state_behind(error, reference)
                if payment.state is ProviderPaymentState.PENDING:
                    # Stripe refuses to cancel while a bank decides.
                    raise ProviderUnavailable(PROVIDER, "void", "processing") from None
                if payment.state is not ProviderPaymentState.VOIDED:
                    raise
                return payment

    async def refund(
        self, *, reference: str, amount: int, key: str, purpose: str | None = None
    ) -> ProviderPayment:
        async with self._asking("refund"):
            refund = await self._refunds.create_async(
                refund_params(reference, amount, purpose), {"idempotency_key": key}
            )
            if refund.status in FAILED:
                code = refund.failure_reason or "refund_failed"
                raise ProviderRefused(PROVIDER, "refund", code, _HTTP_OK)
            return await self._get(reference)

    async def refunds(self, *, reference: str) -> Sequence[ProviderRefund]:
        async with self._asking("refunds"):
            return await list_of_refunds(self._refunds, reference)

    async def get(self, *, reference: str) -> ProviderPayment:
        async with self._asking("get"):
            return await self._get(reference)

    async def close(self) -> None:
        await self._transport.close_async()

    def _asking(self, operation: str) -> AbstractAsyncContextManager[None]:
        return asking(operation, self._total_seconds)

    async def _create(
        self, order_id: str, attempt: int, amount: int, currency: str
    ) -> stripe.PaymentIntent:
        return await self._intents.create_async(
            {
                "amount": amount,
                "currency": currency.lower(),
                "capture_method": "manual",
                "allowed_payment_method_types": ["card"],
                "metadata": {"order_id": order_id, "attempt": str(attempt)},
            },
            {"idempotency_key": idempotency_keys.payment_create(order_id, attempt)},
        )

    async def _confirm(self, reference: str, method: str, key: str) -> ProviderPayment:
        params: PaymentIntentConfirmParams = {
            "payment_method": method,
            "expand": ["latest_charge"],
        }
        if self._return_url:
            params["return_url"] = self._return_url
        try:
            intent = await self._intents.confirm_async(reference, params, {"idempotency_key": key})
        except stripe.CardError:
            return await self._get(reference)
        except stripe.InvalidRequestError as error:
            if _is_about_the_method(error):
                return _declined(await self._get(reference), error)
            return await self._state_behind(error, reference)
        return await self._fresh(intent)

    async def _state_behind(
        self, error: stripe.InvalidRequestError, reference: str
    ) -> ProviderPayment:
        """Return the state that made Stripe refuse; raise any other refusal again."""
        if error.code != "payment_intent_unexpected_state":
            raise error
        return await self._get(reference)

    async def _fresh(self, intent: stripe.PaymentIntent) -> ProviderPayment:
        answer = intent.last_response
        if answer is not None and "idempotent-replayed" in answer.headers:
            return await self._get(intent.id)
        return _payment(intent)

    async def _get(self, reference: str) -> ProviderPayment:
        return _payment(
            await self._intents.retrieve_async(reference, {"expand": ["latest_charge"]})
        )


def _is_about_the_method(error: stripe.InvalidRequestError) -> bool:
    """Return whether the method is mistyped, used up or of another kind: the customer can try
    another.

    Of a method that was used before, Stripe gives neither a code nor the parameter.
    """
    code = error.code or ""
    if error.param == _METHOD or code.startswith(f"{_METHOD}_") or code in _OF_METHODS:
        return True
    return not (code or error.param) and "PaymentMethod" in (error.user_message or "")


def _declined(payment: ProviderPayment, error: stripe.InvalidRequestError) -> ProviderPayment:
    """Return the payment as declined. Stripe itself does not record it; a payment that has come
    further does not change."""
    if payment.state is not ProviderPaymentState.CREATED:
        return payment
    code = error.code or f"{_METHOD}_refused"
    return replace(payment, state=ProviderPaymentState.DECLINED, decline_code=code)


def _payment(intent: stripe.PaymentIntent) -> ProviderPayment:
    charge = intent.latest_charge
    returned = charge.amount_refunded if isinstance(charge, stripe.Charge) else 0
    return ProviderPayment(
        reference=intent.id,
        state=_state(intent),
        amount=intent.amount,
        currency=intent.currency.upper(),
        captured=intent.amount_received,
        # Stripe records a released hold as refunded, though nothing was captured.
        refunded=min(returned, intent.amount_received),
        decline_code=_decline_code(intent),
        action_url=_action_url(intent),
    )


def _state(intent: stripe.PaymentIntent) -> ProviderPaymentState:
    if intent.status == "requires_payment_method" and intent.last_payment_error:
        return ProviderPaymentState.DECLINED
    if intent.status not in _STATES:
        raise UnknownStatus(PROVIDER, "read", intent.status)
    return _STATES[intent.status]


def _decline_code(intent: stripe.PaymentIntent) -> str | None:
    error = intent.last_payment_error
    return getattr(error, "decline_code", None) or getattr(error, "code", None)


def _action_url(intent: stripe.PaymentIntent) -> str | None:
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    return getattr(redirect, "url", None)
