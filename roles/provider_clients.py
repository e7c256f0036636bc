"""The clients of the payment provider and the carrier, of one process."""

from __future__ import annotations

from typing import Final

from providers.breaker import BreakerLimits, Breakers
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from settings import Settings
from settings_checks import check

PROVIDER_SETTINGS: Final = ("payment_api_key", "carrier_url", "carrier_api_key")


class Providers:
    """The provider clients of this process."""

    @staticmethod
    def check_settings(settings: Settings) -> None:
        """Raises SettingsError."""
        check(settings, *PROVIDER_SETTINGS)
        if not settings.payment_url:  # Stripe itself, whose 3-D Secure needs a return URL
            settings.require("payment_return_url")

    def __init__(self, settings: Settings, breakers: Breakers | None = None) -> None:
        self.check_settings(settings)
        breakers = breakers or Breakers(BreakerLimits.of(settings))
        self.payments = StripePayments(
            settings.payment_api_key.get_secret_value(),
            settings.payment_url,
            settings.payment_return_url,
            breaker=breakers.payments,
        )
        self.carrier = HttpCarrier(
            settings.carrier_api_key.get_secret_value(),
            settings.carrier_url,
            breaker=breakers.carrier,
        )

    async def aclose(self) -> None:
        await self.payments.close()
        await self.carrier.close()
