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
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import stripe

from providers import idempotency_keys
from providers.breaker import Breaker
from providers.errors import (
    CreationRefused,
    ProviderRefused,
    ProviderUnavailable,
    UnknownStatus,
)
from providers.http import TOTAL_SECONDS
from providers.payment_webhook import OWN_CANCELLATION
from providers.payments import (
    ProviderDispute,
    ProviderPayment,
    ProviderPaymentState,
    ProviderRefund,
)
from providers.stripe_amounts import (
    NotRepresentable,
    UnknownCurrency,
    read_amount,
    to_stripe,
    unit_of,
)
from providers.stripe_disputes import disputes_of, disputes_since
from providers.stripe_kept_errors import (
    REPLAYED,
    NoKeyLeft,
    is_server_error,
    under_a_working_key,
)
from providers.stripe_refunds import (
    FAILED,
    list_of_refunds,
    make_refund,
    refund_params,
)
from providers.stripe_transport import PROVIDER, StripeTransport, asking, not_created

if TYPE_CHECKING:  # these modules hold the parameters of all of Stripe
    from stripe.params import PaymentIntentConfirmParams, PaymentIntentCreateParams

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
_HTTP_BAD_REQUEST = 400
_KEPT_STATUS = 500
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
        breaker: Breaker | None = None,
    ) -> None:
        self._breaker = breaker
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
        self._disputes = client.v1.disputes

    async def require_ready(self) -> None:
        if self._breaker is not None:
            self._breaker.require_closed("authorize")

    async def authorize(
        self, *, order_id: str, attempt: int, amount: int, currency: str, method: str
    ) -> ProviderPayment:
        async with self._asking("authorize"):
            intent = await self._create("authorize", order_id, attempt, amount, currency)
            key = idempotency_keys.payment_confirm(order_id, attempt)
            return await under_a_working_key(
                "authorize",
                idempotency_keys.with_successors(key),
                lambda key: self._confirm(intent.id, method, key),
            )

    async def find(
        self, *, order_id: str, attempt: int, amount: int, currency: str
    ) -> ProviderPayment:
        async with self._asking("find"):
            return await self._fresh(
                await self._create("find", order_id, attempt, amount, currency)
            )

    async def search(self, *, order_id: str, attempt: int) -> Sequence[ProviderPayment]:
        # https://docs.stripe.com/search#query-fields-for-paymentintents
        query = f"metadata['order_id']:'{order_id}' AND metadata['attempt']:'{attempt}'"
        async with self._asking("search"):
            found = await self._intents.search_async(
                {"query": query, "limit": 100, "expand": ["data.latest_charge"]}
            )
            return [_payment(intent) for intent in found.data]

    async def capture(self, *, reference: str, amount: int, currency: str) -> ProviderPayment:
        async with self._asking("capture"):
            counted = _counted("capture", amount, currency)
            try:
                # No idempotency key: an intent can be captured once, and a stored refusal or error
                # of a first attempt would hide for a day that a later one could succeed.
                intent = await self._intents.capture_async(
                    reference, {"amount_to_capture": counted, "expand": ["latest_charge"]}
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
                reference = await self._fence(order_id, attempt, amount, currency)
            try:
                # No idempotency key, as for a capture: cancelling is idempotent by nature.
                canceled = await self._intents.cancel_async(
                    reference, {"cancellation_reason": OWN_CANCELLATION}
                )
                return _payment(canceled)
            except stripe.InvalidRequestError as error:
                payment = await self._state_behind(error, reference)
                if payment.state is ProviderPaymentState.PENDING:
                    # Stripe refuses to cancel while a bank decides.
                    raise ProviderUnavailable(PROVIDER, "void", "processing") from None
                if payment.state is not ProviderPaymentState.VOIDED:
                    raise
                return payment

    async def refund(
        self,
        *,
        reference: str,
        amount: int,
        currency: str,
        key: str,
        purpose: str | None = None,
    ) -> ProviderPayment:
        async with self._asking("refund"):
            counted = _counted("refund", amount, currency)
            refund = await make_refund(
                self._refunds, refund_params(reference, counted, purpose, key), key
            )
            if refund.status in FAILED:
                code = refund.failure_reason or "refund_failed"
                raise ProviderRefused(PROVIDER, "refund", code, _HTTP_OK)
            return await self._get(reference)

    def unit(self, currency: str) -> int:
        return unit_of(currency).ours

    async def refunds(self, *, reference: str) -> Sequence[ProviderRefund]:
        async with self._asking("refunds"):
            return await list_of_refunds(self._refunds, reference)

    async def get(self, *, reference: str) -> ProviderPayment:
        async with self._asking("get"):
            return await self._get(reference)

    async def disputes(self, *, reference: str) -> Sequence[ProviderDispute]:
        async with self._asking("disputes"):
            return await disputes_of(self._disputes, reference)

    async def new_disputes(self, *, since: datetime) -> Sequence[ProviderDispute]:
        async with self._asking("disputes"):
            return await disputes_since(self._disputes, since)

    async def close(self) -> None:
        await self._transport.close_async()

    def _asking(self, operation: str) -> AbstractAsyncContextManager[None]:
        return asking(operation, self._total_seconds, self._breaker)

    async def _fence(self, order_id: str, attempt: int, amount: int, currency: str) -> str:
        """Return the intent of the attempt, which a creation in flight would return too.

        Raises CreationRefused when no key of the attempt can have an intent.
        """
        try:
            return (await self._create("void", order_id, attempt, amount, currency)).id
        except NoKeyLeft:
            raise CreationRefused(PROVIDER, "void", "http_500", _KEPT_STATUS) from None

    async def _create(
        self, operation: str, order_id: str, attempt: int, amount: int, currency: str
    ) -> stripe.PaymentIntent:
        try:
            counted = _counted("create", amount, currency)
        except ProviderRefused as refused:
            raise CreationRefused(PROVIDER, operation, refused.code, refused.status) from None
        params: PaymentIntentCreateParams = {
            "amount": counted,
            "currency": currency.lower(),
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            "metadata": {"order_id": order_id, "attempt": str(attempt)},
        }
        key = idempotency_keys.payment_create(order_id, attempt)
        try:
            return await under_a_working_key(
                operation,
                idempotency_keys.with_successors(key),
                lambda key: self._intents.create_async(params, {"idempotency_key": key}),
            )
        except stripe.StripeError as error:
            raise not_created(operation, error) from None

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
        except stripe.APIError as error:
            if not is_server_error(error):
                raise
            payment = await self._get(reference)
            if payment.state is ProviderPaymentState.CREATED:
                raise  # it was not confirmed: nothing is held, and another key may confirm it
            return payment
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
        if answer is not None and REPLAYED in answer.headers:
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


def _counted(operation: str, amount: int, currency: str) -> int:
    """Return the amount as Stripe counts it. Raises ProviderRefused for one that it cannot take."""
    try:
        return to_stripe(amount, currency)
    except UnknownCurrency:
        raise ProviderRefused(
            PROVIDER, operation, "currency_not_supported", _HTTP_BAD_REQUEST
        ) from None
    except NotRepresentable:
        raise ProviderRefused(
            PROVIDER, operation, "amount_not_representable", _HTTP_BAD_REQUEST
        ) from None


def _payment(intent: stripe.PaymentIntent) -> ProviderPayment:
    charge = intent.latest_charge
    returned = charge.amount_refunded if isinstance(charge, stripe.Charge) else 0
    currency = intent.currency.upper()
    # Stripe records a released hold as refunded, though nothing was captured.
    refunded = min(returned, intent.amount_received)
    return ProviderPayment(
        reference=intent.id,
        state=_state(intent),
        amount=read_amount(intent.amount, currency),
        currency=currency,
        captured=read_amount(intent.amount_received, currency),
        refunded=read_amount(refunded, currency),
        decline_code=_decline_code(intent),
        action_url=_action_url(intent),
        capture_before=_capture_before(charge),
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


def _capture_before(charge: object) -> datetime | None:
    """Return the end of the hold of a card that is authorized and not captured.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    details = charge.payment_method_details if isinstance(charge, stripe.Charge) else None
    ends_at = getattr(getattr(details, "card", None), "capture_before", None)
    return datetime.fromtimestamp(ends_at, UTC) if isinstance(ends_at, int) else None


def _action_url(intent: stripe.PaymentIntent) -> str | None:
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    return getattr(redirect, "url", None)
