"""The errors between Waybill and a provider. No error holds card data or personal data."""

from __future__ import annotations

from enum import StrEnum


class ProviderError(Exception):
    """A call to a provider did not give a state. `provider` and `operation` say which call."""

    def __init__(self, provider: str, operation: str, message: str) -> None:
        super().__init__(f"{provider} {operation}: {message}")
        self.provider = provider
        self.operation = operation


class ProviderUnavailable(ProviderError):
    """The outcome is unknown or the provider is busy: look the state up, or try again later.

    `reason` is a short fact (`timeout`, `connection`, `http_503`, `idempotency_key_in_use`).
    """

    advice = "the outcome is unknown: find it before trying again"

    def __init__(
        self, provider: str, operation: str, reason: str, *, is_outage: bool = False
    ) -> None:
        """`is_outage`: a time-out, a refused connection or a 5xx, and no answer to the request."""
        super().__init__(provider, operation, f"{reason}; {self.advice}")
        self.reason = reason
        self.is_outage = is_outage


class ProviderPaused(ProviderUnavailable):
    """The provider is down for everybody: this process sends it no call for now.

    Ask again after `retry_after_seconds`, which are random within bounds.
    """

    def __init__(self, provider: str, operation: str, retry_after_seconds: float) -> None:
        self.advice = "it answers too few calls, and all of them wait until it answers again"
        super().__init__(provider, operation, "paused", is_outage=True)
        self.retry_after_seconds = retry_after_seconds


class UnknownStatus(ProviderUnavailable):
    """The provider returned a status that this code does not know: the provider's API is newer."""

    def __init__(self, provider: str, operation: str, status: str) -> None:
        self.advice = f"it answers {status!r}: deploy a version that knows it, or ask again later"
        super().__init__(provider, operation, "unknown_status")


class UnknownAmount(ProviderUnavailable):
    """The provider named an amount that this code cannot count: its table is too old."""

    def __init__(self, provider: str, operation: str, amount: int, currency: str) -> None:
        self.advice = f"it answers {amount} {currency}: compare the table of its currencies"
        super().__init__(provider, operation, "unknown_amount")


class ProviderRefused(ProviderError):
    """The provider will refuse every repetition of this call; the call has changed nothing.

    `code` is the provider's error code, `status` its HTTP status.
    """

    def __init__(self, provider: str, operation: str, code: str, status: int) -> None:
        super().__init__(
            provider, operation, f"refused with {code} (HTTP {status}); change the request"
        )
        self.code = code
        self.status = status


class CreationRefused(ProviderRefused):
    """The provider refused to create the payment: it does not exist, and nothing can be held."""


class NotPermitted(ProviderUnavailable):
    """The API key has no right to this call, for now. Other calls may be permitted."""

    advice = "give the API key the right to this call"


class PaymentMissing(ProviderUnavailable):
    """The provider does not know a payment that it has made. No provider deletes one, so the API
    key is that of another account or mode, and says nothing about this payment."""

    advice = "compare the API key: it is of another account or mode than the payment"

    def __init__(self, provider: str, operation: str) -> None:
        super().__init__(provider, operation, "payment_missing")


class CreationDenied(ProviderUnavailable):
    """The provider accepts no payment with this API key or for this account, for now.

    The call has created nothing. It says nothing about earlier calls: the provider looks at the key
    before it looks at anything else.
    """

    def __init__(self, provider: str, operation: str, code: str) -> None:
        self.advice = "nothing was created: renew the API key, or complete the account"
        super().__init__(provider, operation, code)


class AlreadyDispatched(ProviderRefused):
    """The shipment has left the warehouse: it can come back as a return, not be cancelled."""

    def __init__(self, provider: str, operation: str, shipment_id: str) -> None:
        super().__init__(provider, operation, "already_dispatched", 409)
        self.shipment_id = shipment_id


class WebhookFault(StrEnum):
    BAD_SIGNATURE = "bad_signature"
    TOO_OLD = "too_old"
    MALFORMED = "malformed"


class WebhookRejected(Exception):
    """The webhook must not be trusted; `fault` says why. Answer it with HTTP 400."""

    def __init__(self, fault: WebhookFault) -> None:
        super().__init__(f"webhook rejected: {fault}; check the endpoint's secret and clock")
        self.fault = fault
